// A head on a picture, for the viewer: marks as overlays.py draws, lengths as measure/lengths.py takes them.
const heads = (() => {
  const NS = "http://www.w3.org/2000/svg";
  const numbers = (text) => (text ? text.split(" ").map(Number) : []);
  const points = (text) => { // OFD's two ends, then BPD's
    const n = numbers(text);
    return n.length ? [0, 2, 4, 6].map((i) => [n[i], n[i + 1]]) : null;
  };
  const make = (name, attributes, ...inside) => {
    const element = document.createElementNS(NS, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...inside);
    return element;
  };
  const distance = ([ax, ay], [bx, by], [across, down] = [1, 1]) => Math.hypot((bx - ax) * across, (by - ay) * down);
  const marks = (head, style) => {
    const ofd = distance(head[0], head[1]), bpd = distance(head[2], head[3]);
    const [from, to] = ofd >= bpd ? head.slice(0, 2) : head.slice(2);
    const angle = Math.atan2(to[1] - from[1], to[0] - from[0]) * 180 / Math.PI;
    const [cx, cy] = [0, 1].map((axis) => head.reduce((sum, end) => sum + end[axis], 0) / 4);
    const turned = `translate(${cx} ${cy}) rotate(${angle})`;
    return make("g", { class: style },
      make("ellipse", { rx: Math.max(ofd, bpd) / 2, ry: Math.min(ofd, bpd) / 2, transform: turned }),
      make("path", { class: "axes", d: `M${head[0]}L${head[1]}` }),
      make("path", { class: "axes bpd", d: `M${head[2]}L${head[3]}` }),
      make("path", { class: "ends", d: head.map((end) => `M${end}h.01`).join("") }));
  };
  const lengths = (head, pixel, bpdOffset, bpdFactor) => { // pixel: its width and height in mm; empty where unknown
    const size = pixel.length ? pixel : undefined;
    let [bpd, ofd] = [distance(head[0], head[1], size), distance(head[2], head[3], size)].sort((a, b) => a - b);
    if (size) bpd = bpdOffset + bpdFactor * bpd;
    const total = (ofd + bpd) / 2, h = total ? ((ofd - bpd) / 2 / total) ** 2 : 0;
    return { bpd, ofd, hc: Math.PI * total * (1 + 3 * h / (10 + Math.sqrt(4 - 3 * h))) };
  };
  return { numbers, points, make, distance, marks, lengths };
})();
