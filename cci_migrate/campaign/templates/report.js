const find = id => document.getElementById(id);
const text = find("text"), state = find("state"), registry = find("registry"), group = find("group");
const body = find("rows"), rows = [...body.rows];
const words = new Map(rows.map(row =>
  [row, (row.cells[0].textContent + " " + row.cells[1].textContent).toLowerCase()]));
function filter() {
  const wanted = text.value.trim().toLowerCase();
  let count = 0;
  for (const row of rows) {
    const data = row.dataset;
    const fits = (!state.value || data.state === state.value)
      && (!group.value || data.group === group.value)
      && (!registry.value || data.registries.split(" ").includes(registry.value))
      && words.get(row).includes(wanted);
    row.hidden = !fits;
    count += fits;
  }
  find("shown").textContent = count + " of " + rows.length + " shown";
}
function openAll(isOpen) {
  for (const row of rows)
    if (!row.hidden) row.querySelectorAll("details").forEach(details => { details.open = isOpen; });
}
function sort(button) {
  const head = button.parentNode, isDown = head.getAttribute("aria-sort") === "ascending";
  document.querySelectorAll("th[aria-sort]").forEach(other => other.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", isDown ? "descending" : "ascending");
  const order = button.dataset.sort === "rank"
    ? (one, two) => one.dataset.rank - two.dataset.rank
    : (one, two) => one.cells[0].textContent.localeCompare(two.cells[0].textContent);
  rows.sort((one, two) => isDown ? order(two, one) : order(one, two));
  body.append(...rows);
}
function showTarget() {
  const target = location.hash && find(location.hash.slice(1));
  for (let at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
  if (target) target.scrollIntoView();
}
text.addEventListener("input", filter);
for (const select of [state, registry, group]) select.addEventListener("change", filter);
find("open").addEventListener("click", () => openAll(true));
find("close").addEventListener("click", () => openAll(false));
document.querySelectorAll("[data-sort]").forEach(button =>
  button.addEventListener("click", () => sort(button)));
document.querySelectorAll("button[data-group]").forEach(button =>
  button.addEventListener("click", () => {
    text.value = state.value = registry.value = "";
    group.value = button.dataset.group;
    filter();
    find("text").scrollIntoView();
  }));
addEventListener("hashchange", showTarget);
addEventListener("beforeprint", () =>
  document.querySelectorAll(".group, .more").forEach(details => { details.open = true; }));
filter();
showTarget();
