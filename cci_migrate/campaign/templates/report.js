const text = document.getElementById("text"), state = document.getElementById("state");
const rows = [...document.getElementById("rows").rows], shown = document.getElementById("shown");
const words = rows.map(row => (row.cells[0].textContent + " " + row.cells[1].textContent).toLowerCase());
function filter() {
  const wanted = text.value.trim().toLowerCase();
  let count = 0;
  rows.forEach((row, at) => {
    const fits = (!state.value || row.dataset.state === state.value) && words[at].includes(wanted);
    row.hidden = !fits;
    count += fits;
  });
  shown.textContent = count + " of " + rows.length + " shown";
}
text.addEventListener("input", filter);
state.addEventListener("change", filter);
filter();
