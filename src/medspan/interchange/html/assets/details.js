// The panel that tells all about the selected entity, or about the note when none is selected.

function row(name, value) {
  return value === null || value === "" ? [] : [make("dt", {}, name), make("dd", {}, value)];
}

function mentionButton(number, before) {
  const entity = state.note.entities[number];
  return make(
    "button",
    { type: "button", class: "link", onclick: () => select(number, true) },
    before,
    make("span", { class: "link-mention" }, visible(entity.mention, "")),
    make("span", { class: "quiet" }, entity.label),
  );
}

function linkItem(link) {
  const arrow = link.outward ? "to" : "from";
  const label = make(
    "span",
    { class: "link-label" },
    make("span", { class: "arrow", "aria-hidden": "true" }, link.outward ? "\u2192" : "\u2190"),
    make("span", { class: "hidden" }, `${arrow} `),
    `${link.label} `,
    link.score === null || link.score === undefined ? null : make("span", { class: "quiet" }, rounded(link.score)),
  );
  return make("li", {}, mentionButton(link.other, label));
}

function attributeWords(attributes) {
  return attributes.map(([name, value]) => (value === "true" ? name : `${name} ${value.replaceAll("_", " ")}`)).join(", ");
}

function eventItem(event) {
  const roles = event.arguments.filter(([, target]) => isShown(target));
  return make(
    "li",
    { class: "event" },
    make("p", { class: "event-label" }, event.label, make("span", { class: "quiet" }, ` ${attributeWords(event.attributes)}`)),
    mentionButton(event.trigger, make("span", { class: "link-label" }, "trigger")),
    ...roles.map(([role, target]) => mentionButton(target, make("span", { class: "link-label" }, role))),
  );
}

const list = (title, items) => (items.length ? [make("h3", {}, title), make("ul", { class: "links" }, ...items)] : []);

function renderEntity(number) {
  const entity = state.note.entities[number];
  const places = entity.fragments.map(([start, end]) => `${start}\u2013${end}`).join(", ");
  const events = state.note.events.filter(
    (event) =>
      !isHidden("event", event.label) &&
      (event.trigger === number || event.arguments.some(([, target]) => target === number)),
  );
  const relations = linksOf(number).filter((link) => link.kind === "relation");
  const groups = state.note.groups.filter((group) => group.members.includes(number));
  byId("details").replaceChildren(
    make(
      "div",
      { class: "details-head" },
      swatch(entity.label),
      make("span", { class: "details-label" }, entity.label),
      make("button", { type: "button", class: "quiet-button", onclick: () => select(null, false) }, "Close"),
    ),
    make("p", { class: "details-mention" }, visible(entity.mention, "")),
    make(
      "dl",
      {},
      ...entity.attributes.flatMap(([name, value]) => row(name.replaceAll("_", " "), value === "true" ? "yes" : value.replaceAll("_", " "))),
      ...row("code", entity.code),
      ...row("score", rounded(entity.score)),
      ...row("characters", places),
      ...row("id", entity.id),
    ),
    ...list("Relations", relations.map(linkItem)),
    ...list("Events", events.map(eventItem)),
    ...list(
      "Groups",
      groups.map((group) =>
        make("li", { class: "event" }, make("p", { class: "event-label" }, group.label), ...group.members.map((n) => mentionButton(n, null))),
      ),
    ),
    relations.length || events.length || groups.length ? "" : make("p", { class: "quiet" }, "No relations or events."),
  );
}

function renderNoteSummary() {
  const note = state.note;
  const facts = note.facts.map(([label, head, tail, ...extra]) =>
    make("li", { class: "fact" }, `${head} \u2192 ${label} \u2192 ${tail}${extra.length ? ` (${extra.join(", ")})` : ""}`),
  );
  byId("details").replaceChildren(
    make("h3", { class: "first" }, "This note"),
    make(
      "p",
      {},
      [
        count(note.entities.length, "entity", "entities"),
        count(note.relations.length, "relation", "relations"),
        count(note.events.length, "event", "events"),
      ].join(", "),
    ),
    note.entities.length
      ? make("p", { class: "quiet" }, "Click a mention, or Tab into the note, move with the left and right arrow keys and press Enter, to see its relations.")
      : make("p", { class: "quiet" }, "Nothing was found in this note."),
    ...list("Facts between codes", facts),
  );
}

function select(number, focus) {
  const left = state.selected;
  state.selected = number;
  state.pointed = null;
  if (number === null) {
    renderNoteSummary();
    if (left !== null && byId("details").contains(document.activeElement) === false && state.chips.has(left)) rove(left, true);
  } else {
    renderEntity(number);
    rove(number, focus);
    const chip = state.chips.get(number);
    if (chip && focus) state.pieces.get(number)[0].scrollIntoView({ block: "nearest" });
  }
  markText();
}
