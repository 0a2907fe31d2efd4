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
  state.matching = wanted ? all.filter((i) => words(i).includes(wanted)) : all;
  state.page = Math.max(0, Math.floor(state.matching.indexOf(state.open) / NOTES_PER_PAGE));
  renderList();
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

function go(by) {
  const at = state.matching.indexOf(state.open);
  const to = at < 0 ? 0 : at + by;
  if (to >= 0 && to < state.matching.length) openNote(state.matching[to]);
}
