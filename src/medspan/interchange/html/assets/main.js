// Wiring: what the mouse and the keyboard do.

function redraw() {
  indexLinks();
  renderText();
  renderTallies();
  if (state.selected !== null && !state.chips.has(state.selected)) state.selected = null;
  if (state.selected === null) renderNoteSummary();
  else {
    renderEntity(state.selected);
    rove(state.selected, false);
  }
  markText();
  markFound();
}

function point(number) {
  if (number === state.pointed) return;
  state.pointed = number;
  markText();
}

const text = byId("text");
text.addEventListener("click", (event) => {
  // Selecting words to copy them is no click.
  if (String(getSelection())) return;
  const number = entityAt(event.target);
  if (number !== null) select(number, true);
  else if (state.selected !== null) select(null, false);
});
text.addEventListener("mouseover", (event) => {
  const piece = event.target.closest(".piece");
  const chip = event.target.closest(".chip");
  if (chip) point(Number(chip.dataset.entity));
  else if (piece) point(Number(piece.dataset.entities.split(" ").pop()));
  else point(null);
});
text.addEventListener("mouseleave", () => point(null));
text.addEventListener("focusin", (event) => {
  const chip = event.target.closest(".chip");
  if (!chip) return;
  rove(Number(chip.dataset.entity), false);
  point(Number(chip.dataset.entity));
});
text.addEventListener("focusout", () => point(null));
text.addEventListener("keydown", (event) => {
  const chip = event.target.closest(".chip");
  if (chip && step(Number(chip.dataset.entity), event.key)) event.preventDefault();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && state.selected !== null) select(null, false);
});

byId("notes").addEventListener("keydown", (event) => {
  const item = event.target.closest("li");
  if (!item || (event.key !== "ArrowDown" && event.key !== "ArrowUp")) return;
  const to = event.key === "ArrowDown" ? item.nextElementSibling : item.previousElementSibling;
  if (to) to.querySelector("button").focus();
  event.preventDefault();
});
let waiting = 0;
byId("search").addEventListener("input", (event) => {
  clearTimeout(waiting);
  waiting = setTimeout(() => search(event.target.value), 120);
});
byId("previous").addEventListener("click", () => go(-1));
byId("next").addEventListener("click", () => go(1));
const turn = (by) => () => {
  state.page += by;
  renderList();
};
byId("page-back").addEventListener("click", turn(-1));
byId("page-on").addEventListener("click", turn(1));
addEventListener("resize", () => markText());

if (state.contents.leftOut) {
  byId("left-out").hidden = false;
  byId("left-out").textContent = `${count(state.contents.leftOut, "further note is", "further notes are")} not in this page; see the other outputs.`;
}
buildFilter();
search("");
const asked = decodeURIComponent(location.hash.replace(/^#note=/, ""));
const start = state.contents.notes.findIndex((note) => note.id === asked);
if (state.contents.notes.length) openNote(Math.max(0, start));
else byId("note-id").textContent = "No notes";
