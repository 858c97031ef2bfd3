// A picture as an SVG text of its own, to save or to turn into a PNG.
import { toneOf } from "../ui/state";
import type { Picture } from "./model";

const colours: Record<ReturnType<typeof toneOf>, string> = {
  success: "#389e0d", error: "#cf1322", warning: "#b36b00", processing: "#1459c7", default: "#8c96a5",
};

const escape = (text: string) => text.replace(/[&<>"']/g, (c) => `&#${c.codePointAt(0) ?? 0};`);
const short = (text: string, most: number) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

/** The legend tells the kinds of arrows, as text and dashes; it is drawn where there is more than one. */
export function toSVG(picture: Picture, label: (state: string) => string, legend: readonly (readonly [string, string | undefined])[] = []): string {
  const byId = new Map(picture.boxes.map((b) => [b.id, b]));
  const arrows = picture.arrows.map(({ from, to, reference }) => {
    const a = byId.get(from);
    const b = byId.get(to);
    if (!a || !b) return "";
    const right = b.x >= a.x + a.width;
    const [x1, y1, x2, y2] = right
      ? [a.x + a.width, a.y + a.height / 2, b.x, b.y + b.height / 2]
      : [a.x + a.width / 2, a.y + a.height, b.x + b.width / 2, b.y];
    const bend = right ? `${(x1 + x2) / 2},${y1} ${(x1 + x2) / 2},${y2}` : `${x1},${(y1 + y2) / 2} ${x2},${(y1 + y2) / 2}`;
    return `<path d="M${x1},${y1} C${bend} ${x2},${y2}" fill="none" stroke="#8c96a5" stroke-width="1.500"${reference ? ' stroke-dasharray="5 4"' : ""} marker-end="url(#arrow)"/>`;
  });
  const boxes = picture.boxes.map((b) => {
    const colour = colours[toneOf(b.state ?? "")];
    const state = b.state ? `<text x="${b.x + 12}" y="${b.y + 52}" font-size="11" fill="${colour}">${escape(label(b.state))}</text>` : "";
    return (
      `<g><title>${escape(b.title)}</title><rect x="${b.x}" y="${b.y}" width="${b.width}" height="${b.height}" rx="7" fill="#fff" stroke="${colour}" stroke-width="1.500"/>` +
      `<text x="${b.x + 12}" y="${b.y + 21}" font-size="13" font-weight="600" fill="#1c2430">${escape(short(b.title, 24))}</text>` +
      `<text x="${b.x + 12}" y="${b.y + 38}" font-size="11" fill="#5a6372">${escape(short(b.note ?? "", 28))}</text>${state}</g>`
    );
  });
  const told = picture.arrows.some((a) => a.reference) ? legend : [];
  const width = Math.max(picture.width, told.length * 140 + 12);
  const height = picture.height + (told.length > 0 ? 24 : 0);
  const kinds = told.map(
    ([text, dash], i) =>
      `<path d="M${12 + i * 140},${height - 14} h28" stroke="#8c96a5" stroke-width="1.500"${dash ? ` stroke-dasharray="${dash}"` : ""}/><text x="${46 + i * 140}" y="${height - 10}" font-size="12" fill="#5a6372">${escape(text)}</text>`,
  );
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, sans-serif">` +
    `<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path d="M0,0 L8,4 L0,8 z" fill="#8c96a5"/></marker></defs>` +
    `<rect width="100%" height="100%" fill="#fff"/>${arrows.join("")}${boxes.join("")}${kinds.join("")}</svg>`
  );
}

export function save(name: string, blob: Blob) {
  const url = URL.createObjectURL(blob);
  const a = document.createElement("a");
  a.href = url;
  a.download = name;
  a.click();
  URL.revokeObjectURL(url);
}

export async function toPNG(svg: string, scale = 2): Promise<Blob> {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = image.naturalWidth * scale;
  canvas.height = image.naturalHeight * scale;
  canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("the picture could not be drawn"))), "image/png");
  });
}
