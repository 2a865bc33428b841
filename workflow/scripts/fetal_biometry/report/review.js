// The viewer of pictures: zoom, pan, brightness. On a page of measurements also the review: a head is accepted,
// corrected or rejected, the browser remembers it, and corrections.csv is saved and loaded.
(() => {
  const find = (id) => document.getElementById(id);
  const viewer = find("viewer"), frame = find("viewer-frame"), table = find("image-table");
  const rowOf = new Map([...table.tBodies].flatMap((body) => [...body.rows]).map((row) => [row.dataset.name, row]));
  const ENDS = ["OFD end 1", "OFD end 2", "BPD end 1", "BPD end 2"];
  const LENGTHS = ["bpd", "ofd", "hc"];
  const COLUMNS = ["ofd_1", "ofd_2", "bpd_1", "bpd_2"].map((end) => [`${end}_x`, `${end}_y`]);
  const { numbers, points, make, distance, marks } = heads;
  const element = (name, values = {}) => Object.assign(document.createElement(name), values);
  const lengths = (row, head) => heads.lengths(
    head, numbers(row.dataset.pixel), Number(table.dataset.bpdOffset), Number(table.dataset.bpdFactor));

  // ---- the review, kept by the browser
  const key = table.dataset.review, given = new Map(), entries = new Map();
  const memory = {
    read: (name) => { try { return localStorage.getItem(name); } catch { return null; } },
    write: (name, text) => { try { localStorage.setItem(name, text); } catch { find("review-lost").hidden = false; } },
  };
  const status = (row) => entries.get(row.dataset.name)?.status ?? "";
  const own = (row) => ["accepted", undefined].includes(row.dataset.status); // it came with the model's own head
  const drawn = (row) => [[points(row.dataset.second), "second"], [headOf(row), "prediction"]]
    .filter(([head]) => head && status(row) !== "rejected").map(([head, style]) => marks(head, style));
  const headOf = (row) => entries.get(row.dataset.name)?.points ?? points(row.dataset.points);
  const show = (row) => { // what of the table depends on the review
    const entry = entries.get(row.dataset.name), head = headOf(row), changed = entry?.status === "corrected";
    row.dataset.reviewed = status(row);
    const cell = row.querySelector(".review");
    cell.dataset.value = status(row);
    cell.replaceChildren(status(row) || "–");
    if (entry?.comment) cell.append(element("small", { textContent: entry.comment }));
    for (const mark of document.querySelectorAll(`#to-check figure[data-name="${CSS.escape(row.dataset.name)}"]`)) {
      mark.dataset.reviewed = status(row);
    }
    const now = head && lengths(row, head);
    const gone = entry?.status === "rejected" || (changed && String(head) !== String(points(row.dataset.points)));
    for (const place of row.querySelectorAll("[data-measured]")) { // of the head that the page came with
      if (!given.has(place)) given.set(place, place.innerHTML);
      place.innerHTML = gone ? "–" : given.get(place);
    }
    for (const length of LENGTHS) {
      const place = row.querySelector(`[data-length=${length}]`);
      if (!given.has(place)) given.set(place, [place.innerHTML, place.dataset.value]);
      const [html, value] = given.get(place);
      place.dataset.value = changed ? now[length] : value;
      const unit = row.dataset.unit ? ` ${row.dataset.unit}` : "";
      const before = own(row) ? `measured ${given.get(place)[0].split("<")[0]}` : "corrected";
      if (changed) place.innerHTML = `${now[length].toFixed(1)}${unit}<small>${before}</small>`;
      else place.innerHTML = entry?.status === "rejected" ? "–<small>rejected</small>" : html;
    }
    for (const drawing of document.querySelectorAll(`svg[data-of="${CSS.escape(row.dataset.name)}"]`)) {
      drawing.replaceChildren(...drawn(row));
    }
  };
  const count = (more = "") => {
    const done = [...rowOf.values()].filter(status).length;
    find("review-count").textContent = `${done} of ${rowOf.size} reviewed${more}`;
    find("review-save").disabled = !done;
    table.dispatchEvent(new Event("reviewed"));
  };
  const keep = (more) => { memory.write(key, JSON.stringify([...entries])); count(more); };
  const decide = (row, changes, kept = true) => {
    const name = row.dataset.name;
    if (changes) {
      const who = find("reviewer").value.trim();
      entries.set(name, { ...entries.get(name), ...changes, who, when: new Date().toISOString().slice(0, 19) + "Z" });
    } else entries.delete(name);
    show(row);
    draw();
    tell();
    if (kept) keep();
  };
  const quoted = (value) => { // a cell that no spreadsheet calculates
    const text = String(value), safe = /^[=+\-@\t\r]/.test(text) && Number.isNaN(Number(text)) ? `'${text}` : text;
    return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  const save = () => {
    const more = ["status", "who", "when", "comment", "model", "content", "convention"];
    const lines = [["image_name", ...COLUMNS.flat(), "pixel_size_mm", ...more]];
    for (const [name, row] of rowOf) {
      const entry = entries.get(name), pixel = numbers(row.dataset.pixel);
      if (!status(row)) continue;
      const head = status(row) === "rejected" ? null : headOf(row);
      const places = head ? head.flat().map((at) => Math.round(at * 1000) / 1000) : Array(8).fill("");
      const size = pixel.length && pixel[0] === pixel[1] ? pixel[0] : "";
      const said = [entry.status, entry.who, entry.when, entry.comment ?? ""];
      lines.push([name, ...places, size, ...said, table.dataset.model, row.dataset.content, table.dataset.convention]);
    }
    const file = new Blob([lines.map((line) => line.map(quoted).join(",") + "\n").join("")], { type: "text/csv" });
    const link = element("a", { href: URL.createObjectURL(file), download: "corrections.csv" });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    const bare = [...rowOf].filter(([name, row]) => !status(row) && entries.get(name)?.comment).length;
    count(bare ? `; comments left out, since their images have no decision: ${bare}` : "");
  };
  const cellsOf = (text) => { // the rows of a csv file
    const rows = [[]], comma = text.split("\n", 1)[0].includes(";") ? ";" : ","; // some spreadsheets save semicolons
    const parts = new RegExp(`(?:"((?:[^"]|"")*)"|([^"\\r\\n${comma}]*))(${comma}|\\r?\\n|$)`, "g");
    for (const [, quoted, plain, end] of text.matchAll(parts)) {
      rows.at(-1).push((quoted?.replaceAll('""', '"') ?? plain).replace(/^'(?=[=+\-@\t\r])/, ""));
      if (end !== comma) rows.push([]);
    }
    return rows.filter((row) => row.length > 1);
  };
  const numberOf = (text) => (text?.trim() ? Number(text.replace(",", ".")) : NaN); // some have decimal commas
  const refusal = (row, { status, content, convention }, head) => { // why a row of a file is not loaded; "" if it is
    if (!row) return "not on this page";
    if (content && content !== row.dataset.content) return "of another image of this name";
    if (content && (convention ?? "") !== table.dataset.convention) return "in another convention";
    const [width, height] = numbers(row.dataset.size), shown = numbers(row.dataset.points);
    const inside = head.every(([x, y]) => x >= -0.5 && x <= width - 0.5 && y >= -0.5 && y <= height - 0.5);
    const alike = head.flat().every((at, i) => (shown.length ? Math.abs(at - shown[i]) <= 0.05 : Number.isNaN(at)));
    if (status === "accepted") return own(row) && alike ? "" : "accepted with other lengths";
    if (status === "corrected") return inside ? "" : "outside of the image";
    return status === "rejected" ? "" : "without a status";
  };
  const load = async (file) => {
    const [names, ...lines] = cellsOf(await file.text());
    const refused = new Map();
    let loaded = 0;
    for (const line of lines) {
      const cells = Object.fromEntries(names.map((name, i) => [name, line[i]]));
      const { image_name, status, who, when, comment } = cells, row = rowOf.get(image_name);
      const head = COLUMNS.map((end) => end.map((column) => numberOf(cells[column]))), why = refusal(row, cells, head);
      if (why) {
        refused.set(why, (refused.get(why) ?? 0) + 1);
        continue;
      }
      entries.set(image_name, { status, who, when, comment, points: status === "corrected" ? head : undefined });
      show(row);
      loaded += 1;
    }
    const others = [...refused].map(([why, rows]) => `; ${why}: ${rows}`).join("");
    keep(`, ${loaded} of ${lines.length} rows loaded from ${file.name}${others}`);
  };

  // ---- the viewer
  let items = [], place = 0;
  const current = () => rowOf.get(items[place]?.dataset.name);
  const pictureOf = (row) => row?.dataset.picture ?? row?.querySelector(".thumbnail img")?.getAttribute("src");
  const editable = () => key && pictureOf(current());
  const stage = makeStage(frame, {
    at: (event) => {
      const handle = event.target.closest(".handle");
      (handle ?? frame).focus();
      return handle ? Number(handle.dataset.end) : null;
    },
    place: (end) => headOf(current())[end],
    move: (end, x, y) => move(end, x, y, false),
    drop: () => keep(),
  });
  const draw = () => { // the marks, and what a person can hold of them
    const row = current(), head = status(row) === "rejected" ? null : headOf(row), { svg } = stage;
    const held = document.activeElement?.dataset?.end;
    if (!svg) return;
    for (const old of svg.querySelectorAll("g")) old.remove();
    if (row.dataset.label) svg.append(marks(points(row.dataset.label), "reference"));
    svg.append(...drawn(row));
    for (const [end, [cx, cy]] of editable() && head ? head.entries() : []) {
      const label = `${ENDS[end]}, move it with the arrow keys`;
      const button = { class: "handle", tabindex: 0, role: "button", "aria-label": label, "data-end": end };
      svg.append(make("g", button, make("circle", { class: "reach", cx, cy }), make("circle", { cx, cy })));
    }
    stage.aim();
    if (held) svg.querySelector(`[data-end="${held}"]`)?.focus();
  };
  const tell = () => {
    const item = items[place], row = current();
    find("viewer-title").textContent = item.dataset.name;
    find("viewer-place").textContent = `${place + 1} of ${items.length}`;
    const cells = (row ?? item.closest("tr"))?.querySelectorAll("td.n") ?? [];
    find("viewer-values").replaceChildren(...[...cells].map((cell) => {
      const heading = table.tHead.rows[0].cells[cell.cellIndex].firstElementChild;
      const [name, unit] = [...heading.childNodes].map((part) => part.textContent);
      const text = cell.firstChild.textContent, small = cell.querySelector("small")?.textContent;
      const bare = !unit || text === "–" || /[a-z]$/.test(text);
      const value = element("dd", { textContent: bare ? text : `${text} ${unit}` });
      if (small) value.append(element("small", { textContent: small }));
      const pair = element("div");
      pair.append(element("dt", { textContent: name }), value);
      return pair;
    }));
    const flags = [...row?.querySelectorAll(".flag") ?? []];
    find("viewer-flags").replaceChildren(...flags.map((flag) => flag.cloneNode(true)));
    if (!viewer.contains(document.activeElement)) frame.focus(); // what had it is gone; keys go to what has it
    if (!key) return;
    find("review-status").textContent = row && status(row) ? status(row) : "not yet reviewed";
    find("review-comment").value = (row && entries.get(row.dataset.name)?.comment) ?? "";
    find("review-undo").disabled = !(row && status(row));
    if (document.activeElement.disabled) frame.focus();
  };
  const drawingOf = (item, row) => {
    if (!pictureOf(row)) return item.querySelector("svg")?.cloneNode(true);
    const [width, height] = numbers(row.dataset.size), href = pictureOf(row);
    const picture = make("image", { x: -0.5, y: -0.5, width, height, preserveAspectRatio: "none", href });
    picture.onerror = () => {
      stage.put(null);
      frame.replaceChildren("This picture is missing. Keep the folder pictures with the page.");
    };
    return make("svg", { viewBox: `-0.5 -0.5 ${width} ${height}` }, picture);
  };
  const open = () => {
    const item = items[place], row = current(), svg = drawingOf(item, row);
    svg.setAttribute("class", `overlay ${item.closest(".labels") ? "" : "stage"}`);
    svg.setAttribute("role", "group");
    svg.setAttribute("aria-label", `Ultrasound image ${item.dataset.name}`);
    stage.put(svg);
    if (pictureOf(row)) draw();
    tell();
  };
  const step = (by) => {
    const last = place;
    place = key ? Math.min(Math.max(place + by, 0), items.length - 1) : (place + by + items.length) % items.length;
    if (last !== place) open();
    else if (key) find("viewer-place").textContent = `${by > 0 ? "last" : "first"} of ${items.length}`;
  };
  const start = (list, at) => { items = list; place = at; viewer.showModal(); open(); frame.focus(); };
  const move = (end, x, y, kept = true) => {
    const row = current(), head = headOf(row).map((one) => [...one]);
    head[end] = stage.inside(x, y);
    decide(row, { status: "corrected", points: head }, kept);
  };
  const correct = () => {
    const row = current();
    if (!editable()) return;
    if (!headOf(row) || status(row) === "rejected") {
      const [w, h] = numbers(row.dataset.size), points = headOf(row) ??
        [[w * 0.25, h / 2], [w * 0.75, h / 2], [w / 2, h / 2 - w * 0.2], [w / 2, h / 2 + w * 0.2]];
      decide(row, { status: "corrected", points });
    }
    const handles = [...stage.svg?.querySelectorAll(".handle") ?? []];
    handles[(handles.indexOf(document.activeElement) + 1) % handles.length]?.focus();
  };
  const actions = {
    previous: () => step(-1), next: () => step(1), close: () => viewer.close(),
    larger: () => stage.zoom(1.4), smaller: () => stage.zoom(1 / 1.4), fit: stage.fit,
    brighter: () => shine(20), darker: () => shine(-20),
    marks: () => { find("viewer-marks").checked = !find("viewer-marks").checked; },
    accept: () => {
      const row = current();
      if (own(row) && status(row) !== "corrected") decide(row, { status: "accepted", points: undefined });
      else if (headOf(row)) decide(row, { status: "corrected", points: headOf(row) });
      step(1);
    },
    reject: () => { decide(current(), { status: "rejected" }); step(1); },
    correct,
    undo: () => decide(current(), current().dataset.status ? { status: "", points: undefined } : null),
    comment: () => find("review-comment").focus(), save,
  };
  const shine = (by) => { find("viewer-brightness").value = Number(find("viewer-brightness").value) + by; lit(); };
  const lit = () => frame.style.setProperty("--brightness", `${find("viewer-brightness").value}%`);
  const KEYS = {
    ArrowLeft: "previous", ArrowRight: "next", p: "previous", n: "next", "+": "larger", "=": "larger", "-": "smaller",
    0: "fit", "]": "brighter", "[": "darker", o: "marks", a: "accept", r: "reject", c: "correct", u: "undo",
    m: "comment", s: "save",
  };
  const REVIEW = new Set(["accept", "reject", "correct", "undo", "comment", "save"]);
  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  viewer.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches("textarea, input:not([type=checkbox])")) {
      if (event.key !== "Escape" || !event.target.matches("textarea")) return;
      event.preventDefault();
      frame.focus();
      return;
    }
    const end = event.target.dataset?.end, way = ARROWS[event.key];
    if (end && way) {
      const by = event.shiftKey ? 10 : 1, [x, y] = headOf(current())[end];
      event.preventDefault();
      move(Number(end), x + by * way[0], y + by * way[1]);
      return;
    }
    const action = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action || (REVIEW.has(action) && !(key && current()))) return;
    event.preventDefault();
    actions[action]();
  });
  viewer.addEventListener("click", (event) => {
    const action = event.target.closest("button")?.dataset.do;
    if (action) actions[action]();
    else if (event.target === viewer) viewer.close();
  });
  find("viewer-brightness").addEventListener("input", lit);
  find("print")?.addEventListener("click", () => print());
  document.addEventListener("click", (event) => {
    const item = event.target.closest(".zoom");
    if (!item || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const around = item.closest("#image-table, #gallery, #to-check") ?? document;
    const list = [...around.querySelectorAll(".zoom")].filter((one) => one.offsetParent);
    start(list, list.indexOf(item));
  });
  if (!key) return;

  for (const [name, row] of rowOf) {
    const { status, who, when, comment } = row.dataset;
    const head = status === "corrected" ? points(row.dataset.points) : undefined;
    if (status) entries.set(name, { status, who, when, comment, points: head });
  }
  for (const [name, entry] of JSON.parse(memory.read(key) ?? "[]")) entries.set(name, entry);
  const reviewer = find("reviewer"), stored = "fetal-head-biometry reviewer";
  reviewer.value = memory.read(stored) ?? "";
  reviewer.addEventListener("input", () => memory.write(stored, reviewer.value));
  find("review-comment").addEventListener("input", (event) => {
    decide(current(), { status: status(current()), comment: event.target.value });
  });
  find("review-save").addEventListener("click", save);
  find("review-load").addEventListener("click", () => find("review-file").click());
  find("review-file").addEventListener("change", async ({ target }) => {
    await load(target.files[0]);
    target.value = "";
  });
  find("review-start").addEventListener("click", () => {
    const waiting = [...rowOf.values()].filter((row) => !status(row));
    const doubted = waiting.filter((row) => row.dataset.check);
    const rows = [doubted, waiting, [...rowOf.values()]].find((list) => list.length);
    start(rows.map((row) => row.querySelector(".zoom")), 0);
  });
  for (const name of entries.keys()) if (rowOf.has(name)) show(rowOf.get(name));
  count();
})();
