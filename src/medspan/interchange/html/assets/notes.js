// The list of notes: searched, and shown a page at a time. Only the open note's data is turned into elements.

const NOTES_PER_PAGE = 50;
const wordsOf = new Map();

// A note's words are read on the first search only.
function words(i) {
  if (!wordsOf.has(i)) {
    const { id, metadata } = state.contents.notes[i];
    const text = readData(`note-${i}`).segments.map((segment) => (typeof segment === "string" ? segment : segment[0]));
    wordsOf.set(i, [id, ...metadata.map(([, value]) => value), text.join("")].join("\n").toLowerCase().replace(/\s+/g, " "));
  }
  return wordsOf.get(i);
}

function search(query) {
  const wanted = query.trim().toLowerCase().replace(/\s+/g, " ");
  const all = state.contents.notes.map((_, i) => i);
  state.query = wanted;
  state.matching = wanted ? all.filter((i) => words(i).includes(wanted)) : all;
  state.page = Math.max(0, Math.floor(state.matching.indexOf(state.open) / NOTES_PER_PAGE));
  renderList();
  if (state.note) markFound();
}

// Marks the searched words in the open note, where the browser can, and returns the first place.
function markFound() {
  if (!CSS.highlights) return null;
  CSS.highlights.delete("found");
  if (!state.query) return null;
  const isText = (node) => (node.parentElement.closest(".chips") ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT);
  const walker = document.createTreeWalker(byId("text"), NodeFilter.SHOW_TEXT, isText);
  const nodes = [];
  let whole = "";
  while (walker.nextNode()) {
    nodes.push([walker.currentNode, whole.length]);
    whole += walker.currentNode.data;
  }
  const lower = whole.toLowerCase().replace(/\s/g, " ");
  // A few letters grow when lowered; places would be wrong then.
  if (lower.length !== whole.length) return null;
  const ranges = [];
  let k = 0;
  for (let at = lower.indexOf(state.query); at >= 0; at = lower.indexOf(state.query, at + state.query.length)) {
    const range = new Range();
    while (k + 1 < nodes.length && nodes[k + 1][1] <= at) k += 1;
    range.setStart(nodes[k][0], at - nodes[k][1]);
    const end = at + state.query.length;
    while (k + 1 < nodes.length && nodes[k + 1][1] < end) k += 1;
    range.setEnd(nodes[k][0], end - nodes[k][1]);
    ranges.push(range);
  }
  CSS.highlights.set("found", new Highlight(...ranges));
  return ranges.length ? ranges[0] : null;
}

function renderList() {
  const pages = Math.max(1, Math.ceil(state.matching.length / NOTES_PER_PAGE));
  const from = state.page * NOTES_PER_PAGE;
  byId("notes").replaceChildren(
    ...state.matching.slice(from, from + NOTES_PER_PAGE).map((i) => {
      const note = state.contents.notes[i];
      return make(
        "li",
        {},
        make(
          "button",
          { type: "button", "data-note": i, "aria-current": i === state.open ? "true" : null, onclick: () => openNote(i) },
          make("span", { class: "list-id" }, note.id),
          make("span", { class: "list-count", title: count(note.entities, "entity", "entities") }, note.entities.toLocaleString("en")),
          note.metadata.length
            ? make("span", { class: "list-metadata quiet" }, note.metadata.slice(0, 3).map(([, value]) => value).join(" \u00b7 "))
            : null,
        ),
      );
    }),
  );
  byId("notes").setAttribute("start", from + 1);
  byId("page").textContent = `${state.page + 1} of ${pages}`;
  byId("page-back").disabled = state.page === 0;
  byId("page-on").disabled = state.page >= pages - 1;
  byId("page-back").parentElement.hidden = pages === 1;
  const total = state.contents.notes.length;
  byId("matches").textContent =
    state.matching.length === total ? count(total, "note", "notes") : `${state.matching.length.toLocaleString("en")} of ${count(total, "note", "notes")}`;
  renderPosition();
}

function renderPosition() {
  const at = state.matching.indexOf(state.open);
  byId("position").textContent = at < 0 ? "" : `${(at + 1).toLocaleString("en")} of ${state.matching.length.toLocaleString("en")}`;
  byId("previous").disabled = at <= 0 && !(at < 0 && state.matching.length);
  byId("next").disabled = at >= state.matching.length - 1;
}

function openNote(i) {
  state.open = i;
  state.note = readData(`note-${i}`);
  state.note.laneCount = 1 + Math.max(0, ...state.note.entities.map((entity) => Math.min(entity.lane, MAX_LANES - 1)));
  state.selected = null;
  state.pointed = null;
  byId("note-id").textContent = state.note.id;
  byId("metadata").replaceChildren(
    ...state.note.metadata.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value))),
  );
  history.replaceState(null, "", `#note=${encodeURIComponent(state.note.id)}`);
  renderNoteSummary();
  redraw();
  byId("note").scrollTop = 0;
  const found = markFound();
  if (found) scrollToRange(found);
  const page = Math.floor(state.matching.indexOf(i) / NOTES_PER_PAGE);
  if (page >= 0) state.page = page;
  const had = document.activeElement && document.activeElement.dataset && document.activeElement.dataset.note;
  renderList();
  const current = document.querySelector(`#notes [data-note="${i}"]`);
  if (current) {
    if (had) current.focus();
    current.scrollIntoView({ block: "nearest" });
  }
}

function scrollToRange(range) {
  const pane = byId("note");
  const box = range.getBoundingClientRect();
  if (box.bottom > pane.getBoundingClientRect().bottom) pane.scrollTop += box.top - pane.getBoundingClientRect().top - 80;
}

function go(by) {
  const at = state.matching.indexOf(state.open);
  const to = at < 0 ? 0 : at + by;
  if (to >= 0 && to < state.matching.length) openNote(state.matching[to]);
}
