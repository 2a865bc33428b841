// A drawing that can be zoomed and panned in its frame, by wheel, mouse and fingers. `grip` knows what a pointer can hold of it:
// at(event) gives it or null, place(held) its [x, y], move(held, x, y) moves it, and drop() ends that.
const makeStage = (frame, grip) => {
  let svg = null, whole = null, view = null, held = null, offset = null;
  const pointers = new Map();
  const clamp = (value, low, high) => Math.min(Math.max(value, low), Math.max(low, high));
  const inImage = (x, y) => new DOMPoint(x, y).matrixTransform(svg.getScreenCTM().inverse());
  const aim = () => {
    if (!svg) return;
    view.x = clamp(view.x, whole.x, whole.x + whole.w - view.w);
    view.y = clamp(view.y, whole.y, whole.y + whole.h - view.h);
    svg.setAttribute("viewBox", `${view.x} ${view.y} ${view.w} ${view.h}`);
    const scale = svg.getScreenCTM()?.a || 1; // handles are as large on the screen at any zoom
    for (const circle of svg.querySelectorAll(".handle circle")) {
      circle.setAttribute("r", (circle.matches(".reach") ? 20 : 7) / scale);
    }
  };
  const put = (drawing) => {
    svg = drawing;
    pointers.clear();
    if (!svg) return;
    const [x, y, w, h] = heads.numbers(svg.getAttribute("viewBox"));
    whole = { x, y, w, h };
    view = { ...whole };
    frame.replaceChildren(svg);
    aim();
  };
  const fit = () => { view = { ...whole }; aim(); };
  const zoom = (factor, x, y) => {
    if (!svg) return;
    const box = frame.getBoundingClientRect();
    const at = inImage(x ?? box.x + box.width / 2, y ?? box.y + box.height / 2);
    const share = clamp(view.w / factor, whole.w / 16, whole.w) / view.w;
    const [left, top] = [at.x - (at.x - view.x) * share, at.y - (at.y - view.y) * share];
    view = { x: left, y: top, w: view.w * share, h: view.h * share };
    aim();
  };
  const inside = (x, y) => [clamp(x, whole.x, whole.x + whole.w), clamp(y, whole.y, whole.y + whole.h)];

  frame.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoom(Math.exp(-event.deltaY / 400), event.clientX, event.clientY);
  }, { passive: false });
  frame.addEventListener("pointerdown", (event) => {
    if (!svg) return;
    pointers.set(event.pointerId, [event.clientX, event.clientY]);
    held = pointers.size === 1 ? grip.at(event) : null;
    if (held !== null) {
      const at = inImage(event.clientX, event.clientY), [x, y] = grip.place(held);
      offset = [x - at.x, y - at.y]; // it is held where it was touched
    }
    frame.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  frame.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId), now = [event.clientX, event.clientY];
    if (!before || !svg) return;
    const at = inImage(...now), was = inImage(...before);
    const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
    if (held !== null) grip.move(held, at.x + offset[0], at.y + offset[1]);
    else if (other) zoom(heads.distance(now, other) / Math.max(1, heads.distance(before, other)), ...other);
    else { view.x += was.x - at.x; view.y += was.y - at.y; aim(); }
    pointers.set(event.pointerId, now);
  });
  for (const kind of ["pointerup", "pointercancel"]) {
    frame.addEventListener(kind, (event) => {
      pointers.delete(event.pointerId);
      if (held !== null) grip.drop();
      held = null;
    });
  }
  addEventListener("resize", aim);
  return { put, zoom, fit, aim, inside, get svg() { return svg; } };
};
