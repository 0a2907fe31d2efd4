// Checkboxes that show and hide labels, with the number in this note and in all notes.

const KINDS = [
  ["entity", "Entities"],
  ["relation", "Relations"],
  ["event", "Events"],
];

function countsInNote() {
  const counts = new Map();
  const add = (kind) => (item) => counts.set(`${kind} ${item.label}`, (counts.get(`${kind} ${item.label}`) || 0) + 1);
  state.note.entities.forEach(add("entity"));
  state.note.relations.forEach(add("relation"));
  state.note.events.forEach(add("event"));
  return counts;
}

function setHidden(keys, hide) {
  keys.forEach((key) => (hide ? state.hidden.add(key) : state.hidden.delete(key)));
  redraw();
}

function labelLine(label, i) {
  const key = `${label.kind} ${label.name}`;
  const box = make("input", {
    type: "checkbox",
    id: `label-${i}`,
    "data-key": key,
    checked: true,
    onchange: (event) => setHidden([key], !event.target.checked),
  });
  return make(
    "li",
    { title: label.definition || null },
    box,
    make("label", { for: `label-${i}` }, label.kind === "entity" ? swatch(label.name) : null, make("span", { class: "label-name" }, label.name)),
    make("span", { class: "tally" }, make("b", { "data-tally": key }), make("span", { class: "quiet" }, ` / ${label.count.toLocaleString("en")}`)),
  );
}

function buildFilter() {
  const panel = byId("filter");
  panel.replaceChildren(
    make(
      "p",
      { class: "check" },
      make("input", {
        type: "checkbox",
        id: "show-labels",
        checked: true,
        onchange: (event) => {
          state.showLabels = event.target.checked;
          redraw();
        },
      }),
      make("label", { for: "show-labels" }, "Write labels in the text"),
    ),
  );
  for (const [kind, title] of KINDS) {
    const labels = state.contents.labels.map((label, i) => [label, i]).filter(([label]) => label.kind === kind && label.count > 0);
    if (!labels.length) continue;
    const keys = labels.map(([label]) => `${kind} ${label.name}`);
    const all = (hide) => () => {
      panel.querySelectorAll(`[data-key^="${kind} "]`).forEach((box) => (box.checked = !hide));
      setHidden(keys, hide);
    };
    panel.append(
      make(
        "div",
        { class: "filter-head" },
        make("h3", { id: `filter-${kind}` }, title),
        make("button", { type: "button", class: "quiet-button", "aria-label": `Show all ${title.toLowerCase()}`, onclick: all(false) }, "All"),
        make("button", { type: "button", class: "quiet-button", "aria-label": `Hide all ${title.toLowerCase()}`, onclick: all(true) }, "None"),
      ),
      make("ul", { class: "labels", "aria-labelledby": `filter-${kind}` }, ...labels.map(([label, i]) => labelLine(label, i))),
    );
  }
}

function renderTallies() {
  const counts = countsInNote();
  document.querySelectorAll("[data-tally]").forEach((tally) => {
    const n = counts.get(tally.dataset.tally) || 0;
    tally.textContent = n.toLocaleString("en");
    tally.closest("li").classList.toggle("absent", n === 0);
  });
}
