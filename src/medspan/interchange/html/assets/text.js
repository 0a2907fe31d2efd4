// The note's text with its entities. Every entity has one button (its chip) after its last piece: the chip carries the
// label and takes the keyboard; the pieces take the mouse.

const ASSERTION_WORDS = new Map([
  ["associated_with_someone_else", "someone else"],
]);

const isHidden = (kind, label) => state.hidden.has(`${kind} ${label}`);
const isShown = (number) => !isHidden("entity", state.note.entities[number].label);

const assertionOf = (entity) => (entity.attributes.find(([name]) => name === "assertion") || [null, null])[1];

// Words for the chip: what differs from the plain case. An assertion of present goes without saying.
function badges(entity) {
  return entity.attributes
    .filter(([name, value]) => !(name === "assertion" && value === "present"))
    .map(([name, value]) => ({
      name,
      value,
      text: value === "true" ? name : ASSERTION_WORDS.get(value) || value.replaceAll("_", " "),
    }));
}

// Shows line ends as the browser breaks lines, and other control characters as their pictures.
function visible(text, next) {
  let shown = text.replace(/\r\n/g, "\n");
  if (shown.endsWith("\r") && next.startsWith("\n")) shown = shown.slice(0, -1);
  return shown
    .replace(/\r/g, "\n")
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, (c) => String.fromCharCode(0x2400 + c.charCodeAt(0)))
    .replace(/\u007f/g, "\u2421");
}

function describe(number) {
  const entity = state.note.entities[number];
  const facts = badges(entity).map((badge) => badge.text);
  const links = linksOf(number).length;
  return `${[entity.label, ...facts].join(", ")}: ${entity.mention}${links ? `. ${count(links, "link", "links")}` : ""}`;
}

function makeChip(number) {
  const entity = state.note.entities[number];
  const { colour } = looks.get(entity.label);
  const chip = make(
    "button",
    {
      type: "button",
      class: "chip",
      "data-entity": number,
      "aria-label": describe(number),
      "aria-pressed": "false",
      tabindex: "-1",
    },
    make("span", { class: "chip-label" }, entity.label),
    ...badges(entity).map((badge) =>
      make("span", { class: "badge", "data-name": badge.name, "data-value": badge.value }, badge.text),
    ),
  );
  chip.style.setProperty("--c", colour);
  return chip;
}

function makePiece(text, covering, bridging) {
  const inner = covering[covering.length - 1];
  const piece = make("span", { class: covering.length ? "piece" : "gap", "data-entities": covering.join(" ") }, text);
  underline(piece, covering, bridging);
  if (inner !== undefined) {
    piece.style.setProperty("--c", looks.get(state.note.entities[inner].label).colour);
    const assertions = covering.map((number) => assertionOf(state.note.entities[number]));
    const said = assertions.reverse().find((value) => value && value !== "present");
    if (said) piece.dataset.assertion = said;
  }
  return piece;
}

function renderText() {
  const note = state.note;
  const box = byId("text");
  const shown = note.entities.map((_, number) => isShown(number));
  const segments = note.segments.map((segment) => {
    const [text, covering, bridging] = typeof segment === "string" ? [segment, [], []] : segment;
    return { text, covering: covering.filter((n) => shown[n]), bridging: bridging.filter((n) => shown[n]) };
  });
  const last = new Map();
  segments.forEach((segment, i) => segment.covering.forEach((number) => last.set(number, i)));
  state.chips = new Map();
  state.pieces = new Map();
  state.lit = [];
  const content = document.createDocumentFragment();
  segments.forEach((segment, i) => {
    const text = visible(segment.text, i + 1 < segments.length ? segments[i + 1].text : "");
    if (!segment.covering.length && !segment.bridging.length) {
      content.append(text);
      return;
    }
    const piece = makePiece(text, segment.covering, segment.bridging);
    content.append(piece);
    for (const number of segment.covering) {
      if (!state.pieces.has(number)) state.pieces.set(number, []);
      state.pieces.get(number).push(piece);
    }
    const ending = segment.covering.filter((number) => last.get(number) === i).reverse();
    if (!ending.length) return;
    const going = segment.covering.filter((number) => !ending.includes(number));
    const tail = make("span", { class: "chips" });
    underline(tail, going, segment.bridging);
    for (const number of ending) {
      const chip = makeChip(number);
      state.chips.set(number, chip);
      tail.append(chip);
    }
    // A word joiner keeps a full stop or comma on the line of the chips.
    tail.append("\u2060");
    content.append(tail);
  });
  box.style.setProperty("--lanes", note.laneCount);
  box.classList.toggle("bare", !state.showLabels);
  box.replaceChildren(content);
  const first = state.chips.values().next().value;
  if (first) first.tabIndex = 0;
}

// The chip under the keyboard is the one that Tab reaches.
function rove(number, focus) {
  for (const chip of state.chips.values()) chip.tabIndex = -1;
  const chip = state.chips.get(number);
  if (!chip) return;
  chip.tabIndex = 0;
  if (focus) chip.focus();
}

function step(from, key) {
  const order = [...state.chips.keys()];
  const at = order.indexOf(from);
  const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: order.length - 1 }[key];
  if (to === undefined || to < 0 || to >= order.length) return false;
  rove(order[to], true);
  return true;
}

function entityAt(target) {
  const chip = target.closest(".chip");
  if (chip) return Number(chip.dataset.entity);
  const piece = target.closest(".piece");
  if (!piece || !piece.dataset.entities) return null;
  // A second click on nested mentions goes outwards.
  const inside = piece.dataset.entities.split(" ").map(Number).reverse();
  return inside[(inside.indexOf(state.selected) + 1) % inside.length];
}

// Lights the entity under the mouse or keyboard, else the selected one, and what it is linked to.
function markText() {
  const focus = state.pointed === null ? state.selected : state.pointed;
  state.lit.forEach((element) => element.classList.remove("focus", "partner"));
  state.lit = [];
  const light = (number, name) => {
    if (!state.chips.has(number)) return;
    for (const element of [state.chips.get(number), ...state.pieces.get(number)]) {
      element.classList.remove("partner");
      element.classList.add(name);
      state.lit.push(element);
    }
  };
  if (focus !== null) {
    linksOf(focus).forEach((link) => light(link.other, "partner"));
    light(focus, "focus");
  }
  document.querySelectorAll('.chip[aria-pressed="true"]').forEach((chip) => chip.setAttribute("aria-pressed", "false"));
  if (state.chips.has(state.selected)) state.chips.get(state.selected).setAttribute("aria-pressed", "true");
  byId("text").classList.toggle("lit", focus !== null && state.chips.has(focus));
  drawArcs(focus);
}
