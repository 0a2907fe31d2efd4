// Building elements. Text only ever goes in as text nodes: nothing in a note can become markup.

const byId = (id) => document.getElementById(id);

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

const readData = (id) => JSON.parse(byId(id).textContent);

const count = (n, one, many) => `${n.toLocaleString("en")} ${n === 1 ? one : many}`;

const rounded = (score) => (score === null || score === undefined ? null : String(Number(score.toFixed(4))));

// What the page shows now. `note` is the open note's data; entities are numbers into note.entities.
const state = {
  contents: readData("contents"),
  query: "",
  matching: [],
  page: 0,
  open: -1,
  note: null,
  hidden: new Set(),
  showLabels: true,
  selected: null,
  pointed: null,
  chips: new Map(),
  pieces: new Map(),
  links: [],
  lit: [],
};
