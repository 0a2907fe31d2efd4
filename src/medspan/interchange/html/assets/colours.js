// Each entity label has a colour and a line pattern. Colours repeat after seven and patterns after four, so that two
// labels of one colour differ in pattern; the label itself is always written out beside the mention as well.

const N_COLOURS = 7;
const PATTERNS = ["solid", "dashed", "dotted", "dashdot"];

const looks = new Map(
  state.contents.labels
    .filter((label) => label.kind === "entity")
    .map((label, i) => [label.name, { colour: `var(--c${i % N_COLOURS})`, pattern: PATTERNS[i % PATTERNS.length] }]),
);

function line({ colour, pattern }) {
  switch (pattern) {
    case "dashed":
      return `repeating-linear-gradient(90deg, ${colour} 0 7px, transparent 7px 10px)`;
    case "dotted":
      return `repeating-linear-gradient(90deg, ${colour} 0 2px, transparent 2px 4px)`;
    case "dashdot":
      return `repeating-linear-gradient(90deg, ${colour} 0 9px, transparent 9px 11px, ${colour} 11px 13px, transparent 13px 15px)`;
    default:
      return `linear-gradient(${colour}, ${colour})`;
  }
}

const LANE_HEIGHT = 4;
const MAX_LANES = 6;

// Draws the stacked underlines of the entities in `covering`, a hairline for those in `bridging` (the gap of a
// mention in several pieces), and a tint that deepens where entities are nested.
function underline(element, covering, bridging) {
  const laneOf = (number) => Math.min(state.note.entities[number].lane, MAX_LANES - 1);
  const colourOf = (number) => looks.get(state.note.entities[number].label).colour;
  const depth = 1 + Math.max(-1, ...[...covering, ...bridging].map(laneOf));
  const layers = [];
  const add = (number, image, height) =>
    layers.push([image, `100% ${height}px`, `0 calc(100% - ${(depth - 1 - laneOf(number)) * LANE_HEIGHT}px)`]);
  for (const number of covering) add(number, line(looks.get(state.note.entities[number].label)), 3);
  for (const number of bridging) {
    add(number, `repeating-linear-gradient(90deg, ${colourOf(number)} 0 1px, transparent 1px 4px)`, 2);
  }
  for (const number of covering) {
    layers.push([`linear-gradient(color-mix(in srgb, ${colourOf(number)} 13%, transparent) 0 0)`, "100% 100%", "0 0"]);
  }
  element.style.backgroundImage = layers.map(([image]) => image).join(", ");
  element.style.backgroundSize = layers.map(([, size]) => size).join(", ");
  element.style.backgroundPosition = layers.map(([, , position]) => position).join(", ");
  element.style.paddingBottom = `${depth * LANE_HEIGHT}px`;
}

function swatch(label) {
  const mark = make("span", { class: "swatch", "aria-hidden": "true" });
  mark.style.backgroundImage = line(looks.get(label));
  return mark;
}
