// One sortable table with filters. The address keeps what is chosen.
(() => {
  const table = document.getElementById("image-table");
  const body = table.tBodies[0];
  const headings = table.tHead.rows[0].cells;
  const rows = [...body.rows];
  const text = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
  const field = (name) => document.getElementById("filter-" + name);
  const filters = ["text", "split", "verdict", "flag", "reviewed", "other"].map(field).filter(Boolean);
  const unchosen = (f) => f.options?.[0].value ?? "";
  const status = document.getElementById("filter-status");
  const shared = "#images?";

  const shows = {
    text: (row, wanted) => wanted.toLowerCase().split(/\s+/).every((word) => text.get(row).includes(word)),
    split: (row, wanted) => row.dataset.split === wanted,
    verdict: (row, wanted) => row.dataset.verdict === wanted,
    flag: (row, wanted) => {
      const flags = row.dataset.flags ? row.dataset.flags.split(";") : [];
      return wanted === "*" ? flags.length > 0 : wanted === "!" ? flags.length === 0 : flags.includes(wanted);
    },
    reviewed: (row, wanted) => (row.dataset.reviewed || "!") === wanted,
    other: () => true,
  };

  const images = (some) => new Set(some.map((row) => row.dataset.image ?? row)).size; // an image can have several rows
  const filter = () => {
    const active = filters.filter((f) => f.value.trim()).map((f) => [shows[f.id.slice(7)], f.value.trim()]);
    for (const row of rows) row.hidden = !active.every(([test, wanted]) => test(row, wanted));
    status.textContent = `${images(rows.filter((row) => !row.hidden))} of ${images(rows)} images`;
    for (const part of document.querySelectorAll("[data-other]")) {
      part.hidden = part.dataset.other !== field("other").value;
    }
  };

  const names = new Intl.Collator(undefined, { numeric: true });
  const sort = (heading, order) => {
    const column = heading.cellIndex;
    const sign = order === "ascending" ? 1 : -1;
    const isNumber = heading.dataset.kind === "number";
    const key = (row) => {
      const value = row.cells[column].dataset.value;
      return isNumber ? (value === "" ? NaN : Number(value)) : value;
    };
    const keyed = rows.map((row) => [key(row), row]);
    keyed.sort(([a], [b]) => {
      if (!isNumber) return sign * names.compare(a, b);
      if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b);
      return sign * (a - b);
    });
    for (const other of headings) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", order);
    body.append(...keyed.map(([, row]) => row));
  };

  let sorted = "";
  const remember = () => {
    const changed = filters.filter((f) => f.value.trim() !== unchosen(f));
    const chosen = new URLSearchParams(changed.map((f) => [f.id.slice(7), f.value.trim()]));
    if (sorted) chosen.set("sort", sorted);
    if (chosen.size || location.hash.startsWith(shared)) {
      history.replaceState(null, "", chosen.size ? shared + chosen : "#images");
    }
  };
  const recall = () => {
    if (!location.hash.startsWith(shared)) return;
    const chosen = new URLSearchParams(location.hash.slice(shared.length));
    for (const f of filters) f.value = chosen.get(f.id.slice(7)) ?? unchosen(f);
    sorted = chosen.get("sort") ?? "";
    const heading = headings[Math.abs(sorted) - 1];
    if (heading) sort(heading, sorted < 0 ? "descending" : "ascending");
    filter();
    if (chosen.size > chosen.has("other")) document.getElementById("images").scrollIntoView();
  };

  for (const f of filters) f.addEventListener("input", () => { filter(); remember(); });
  field("form").addEventListener("reset", () => setTimeout(() => { filter(); remember(); }));
  field("form").addEventListener("submit", (event) => event.preventDefault());
  table.tHead.addEventListener("click", (event) => {
    if (!event.target.closest("button")) return;
    const heading = event.target.closest("th");
    const order = heading.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
    sort(heading, order);
    sorted = String((order === "ascending" ? 1 : -1) * (heading.cellIndex + 1));
    remember();
  });
  table.addEventListener("reviewed", filter);
  addEventListener("hashchange", recall);
  recall();
})();
