// Links between entities: relations, and the roles of events. They are drawn for one entity at a time.

// Collects what is shown of them by entity, once for a note and a choice of labels.
function indexLinks() {
  state.links = state.note.entities.map(() => []);
  const join = (kind, label, from, to, score) => {
    if (!isShown(from) || !isShown(to)) return;
    state.links[from].push({ kind, label, other: to, outward: true, score });
    if (from !== to) state.links[to].push({ kind, label, other: from, outward: false, score });
  };
  for (const { label, head, tail, score } of state.note.relations) {
    if (!isHidden("relation", label)) join("relation", label, head, tail, score);
  }
  for (const event of state.note.events) {
    if (isHidden("event", event.label)) continue;
    for (const [role, target, score] of event.arguments) join("event", role, event.trigger, target, score);
  }
}

const linksOf = (number) => state.links[number];

const SVG = "http://www.w3.org/2000/svg";

function svg(tag, attributes, text) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text) element.textContent = text;
  return element;
}

// The top middle of an entity's first line, in the coordinates of the drawing.
function anchor(number, origin) {
  const pieces = state.pieces.get(number);
  if (!pieces) return null;
  const box = pieces[0].getClientRects()[0];
  if (!box) return null;
  return { x: box.left + box.width / 2 - origin.left, top: box.top - origin.top, bottom: box.bottom - origin.top };
}

const LABEL_HEIGHT = 12;

// A curve between the lit entity and a partner, whose label stands above it. It runs sideways in the gap between
// lines, next to the lit entity, so that it does not strike words through; only then does it cross lines.
function curve(focus, partner, isOutward) {
  let points;
  if (Math.abs(focus.top - partner.top) < 6) {
    const peak = Math.min(focus.top, partner.top) - LABEL_HEIGHT - 6;
    points = [`${focus.x},${focus.top - 1}`, `${focus.x},${peak}`, `${partner.x},${peak}`, `${partner.x},${partner.top - LABEL_HEIGHT}`];
  } else {
    const [y, end, by] = focus.top < partner.top ? [focus.bottom, partner.top - LABEL_HEIGHT, 1] : [focus.top, partner.bottom + 1, -1];
    points = [`${focus.x},${y}`, `${focus.x},${y + 12 * by}`, `${partner.x},${y + 2 * by}`, `${partner.x},${end}`];
  }
  const [first, second, third, last] = isOutward ? points : points.reverse();
  return `M${first} C${second} ${third} ${last}`;
}

function drawArcs(number) {
  const drawing = byId("arcs");
  drawing.replaceChildren();
  if (number === null || !state.chips.has(number)) return;
  const paper = byId("text");
  const origin = paper.getBoundingClientRect();
  drawing.setAttribute("width", paper.offsetWidth);
  drawing.setAttribute("height", paper.offsetHeight);
  const marker = svg("marker", { id: "tip", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto" });
  marker.append(svg("path", { d: "M0,0 L8,4 L0,8 z", class: "tip" }));
  const definitions = svg("defs", {});
  definitions.append(marker);
  drawing.append(definitions);
  const here = anchor(number, origin);
  const words = new Map();
  for (const link of linksOf(number)) {
    const there = anchor(link.other, origin);
    if (!here || !there || link.other === number) continue;
    const d = curve(here, there, link.outward);
    drawing.append(svg("path", { d, class: `arc ${link.kind}`, "marker-end": "url(#tip)" }));
    words.set(link.other, [...(words.get(link.other) || []), link.label]);
  }
  for (const [other, labels] of words) {
    const { x, top } = anchor(other, origin);
    drawing.append(svg("text", { x, y: top - 2, class: "arc-label" }, labels.join(", ")));
  }
}
