// Links between entities: relations, and the roles of events. They are drawn for one entity at a time.

function linksOf(number) {
  const links = [];
  state.note.relations.forEach((relation) => {
    if (isHidden("relation", relation.label)) return;
    const { label, head, tail, score } = relation;
    if (head === number) links.push({ kind: "relation", label, other: tail, outward: true, score });
    else if (tail === number) links.push({ kind: "relation", label, other: head, outward: false, score });
  });
  state.note.events.forEach((event) => {
    if (isHidden("event", event.label)) return;
    event.arguments.forEach(([role, target, score]) => {
      if (event.trigger === number) links.push({ kind: "event", label: role, other: target, outward: true, score });
      else if (target === number) links.push({ kind: "event", label: role, other: event.trigger, outward: false, score });
    });
  });
  return links.filter((link) => isShown(link.other));
}

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

function path(from, to) {
  if (Math.abs(from.top - to.top) < 6) {
    const rise = Math.min(30, 12 + Math.abs(from.x - to.x) / 12);
    return {
      d: `M${from.x},${from.top} C${from.x},${from.top - rise} ${to.x},${to.top - rise} ${to.x},${to.top - 2}`,
      x: (from.x + to.x) / 2,
      y: from.top - rise * 0.75,
    };
  }
  const down = from.top < to.top;
  const [y1, y2] = down ? [from.bottom, to.top - 2] : [from.top, to.bottom + 2];
  const bend = (y2 - y1) / 2;
  return {
    d: `M${from.x},${y1} C${from.x},${y1 + bend} ${to.x},${y2 - bend} ${to.x},${y2}`,
    x: (from.x + to.x) / 2,
    y: (y1 + y2) / 2,
  };
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
  const labels = [];
  for (const link of linksOf(number)) {
    const there = anchor(link.other, origin);
    if (!here || !there || link.other === number) continue;
    const curve = link.outward ? path(here, there) : path(there, here);
    drawing.append(svg("path", { d: curve.d, class: `arc ${link.kind}`, "marker-end": "url(#tip)" }));
    labels.push(svg("text", { x: curve.x, y: curve.y, class: "arc-label" }, link.label));
  }
  drawing.append(...labels);
}
