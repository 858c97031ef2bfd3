import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { boxHeight, boxWidth, dropPlace, elementPicture, inReach, pipelinePicture } from "./model";
import { toSVG } from "./svg";

describe("the picture of a pipeline", () => {
  it("follows the order of the file", () => {
    const p = pipelinePicture([{ name: "build", type: "job" }, { name: "deploy", type: "template-deploy" }, { name: "check", type: "review" }]);
    expect(p.arrows).toEqual([{ from: "build", to: "deploy" }, { from: "deploy", to: "check" }]);
    expect(p.boxes.map((b) => b.x)).toEqual([...p.boxes.map((b) => b.x)].sort((a, b) => a - b));
  });
  it("follows what stages need, when they say so", () => {
    const p = pipelinePicture([{ name: "a", type: "job" }, { name: "b", type: "job", needs: ["a"] }, { name: "c", type: "job", needs: ["a"] }]);
    expect(p.arrows).toEqual([{ from: "a", to: "b" }, { from: "a", to: "c" }]);
  });
  it("lets a stage that says nothing follow the one before it, also beside stages that do", () => {
    const p = pipelinePicture([{ name: "a", type: "job" }, { name: "b", type: "job", needs: [] }, { name: "c", type: "job" }]);
    expect(p.arrows).toEqual([{ from: "b", to: "c" }]);
  });
  it("stands tasks behind their stage and what follows behind the tasks, beside each other in the order of the file", () => {
    const tasks = (serial: boolean) => pipelinePicture([
      { name: "test", type: "job" }, { name: "both", type: "parallel", serial }, { name: "both/east", type: "job", parent: "both" }, { name: "both/west", type: "job", parent: "both" }, { name: "tell", type: "review" },
    ]);
    const beside = tasks(false);
    expect(beside.arrows).toEqual([
      { from: "test", to: "both" }, { from: "both/east", to: "tell" }, { from: "both/west", to: "tell" }, { from: "both", to: "both/east" }, { from: "both", to: "both/west" },
    ]);
    const at = (name: string) => beside.boxes.find((b) => b.id === name);
    expect(at("both/east")).toMatchObject({ title: "east", x: at("both/west")?.x });
    expect(at("both/east")?.y).toBeLessThan(at("both/west")?.y ?? 0);
    expect(tasks(true).arrows).toEqual([{ from: "test", to: "both" }, { from: "both/west", to: "tell" }, { from: "both", to: "both/east" }, { from: "both/east", to: "both/west" }]);
  });
  it("runs downwards where there is no room to the right", () => {
    const p = pipelinePicture(["a", "b", "c"].map((name) => ({ name, type: "job" })), (s) => s.type, "down");
    expect(new Set(p.boxes.map((b) => b.x)).size).toBe(1);
    expect(p.boxes.map((b) => b.y)).toEqual(p.boxes.map((b) => b.y).sort((a, b) => a - b));
  });
  it("knows where a box that is let go belongs", () => {
    const p = pipelinePicture(["a", "b", "c"].map((name) => ({ name, type: "job" })));
    const at = (name: string) => p.boxes.find((b) => b.id === name) ?? { x: 0, y: 0 };
    expect(dropPlace(p, "c", at("a").x - 60, at("a").y)).toEqual({ of: "a", side: "before" });
    expect(dropPlace(p, "a", at("b").x + 80, at("b").y + 8)).toEqual({ of: "b", side: "after" });
    expect(dropPlace(p, "a", at("b").x + 10, at("b").y + 70)).toEqual({ of: "b", side: "beside" });
    expect(dropPlace(p, "a", at("a").x + 5, at("a").y)).toBeUndefined();
    expect(dropPlace(pipelinePicture([{ name: "a", type: "job" }]), "a", 500, 0)).toBeUndefined();
  });
  it("is empty without stages", () => {
    expect(pipelinePicture([])).toMatchObject({ boxes: [], arrows: [] });
  });
});

describe("the picture of elements", () => {
  it("tells what is depended on from what is only referred to", () => {
    const p = elementPicture([{ name: "a", type: "x" }, { name: "b", type: "x" }, { name: "c", type: "x", requires: ["a"], refers: ["a", "b"] }]);
    expect(p.arrows).toEqual([{ from: "a", to: "c" }, { from: "b", to: "c", reference: true }]);
    expect(toSVG(p, (s) => s).match(/stroke-dasharray/g)).toHaveLength(1);
    const legend = [["depends on", undefined], ["refers to", "5 4"]] as const;
    expect(toSVG(p, (s) => s, legend)).toMatch(/>depends on<.*stroke-dasharray="5 4".*>refers to</);
    expect(toSVG(elementPicture([{ name: "a", type: "x" }, { name: "b", type: "x", requires: ["a"] }]), (s) => s, legend)).not.toContain("depends on");
  });
  it("shows of very many elements those that are near to the chosen one", () => {
    const chain = Array.from({ length: 1000 }, (_, i) => ({ name: `e${i}`, type: "x", requires: i > 0 ? [`e${i - 1}`, "gone"] : [] }));
    expect(inReach(chain, "e500", 5).map((e) => e.name)).toEqual(["e498", "e499", "e500", "e501", "e502"]);
    expect(inReach(chain, undefined, 3).map((e) => e.name)).toEqual(["e0", "e1", "e2"]);
    expect(inReach(chain, "none", 3)).toHaveLength(3);
    expect(inReach(chain.slice(0, 3), "e1", 3)).toHaveLength(3);
  });
  it("leaves out arrows to what is not there, and to itself", () => {
    expect(elementPicture([{ name: "web", type: "CCE.Deployment", requires: ["web", "gone"] }]).arrows).toEqual([]);
  });
  it("never lets boxes overlap, whatever needs what", () => {
    const graph = fc.integer({ min: 1, max: 14 }).chain((n) => fc.array(fc.tuple(fc.nat(n - 1), fc.nat(n - 1)), { maxLength: 30 }).map((edges) => ({ n, edges })));
    fc.assert(
      fc.property(graph, ({ n, edges }) => {
        const elements = Array.from({ length: n }, (_, i) => ({ name: `e${i}`, type: "t", requires: edges.filter(([to]) => to === i).map(([, from]) => `e${from}`) }));
        const { boxes } = elementPicture(elements);
        expect(boxes).toHaveLength(n);
        for (const a of boxes) {
          for (const b of boxes) {
            if (a !== b) expect(Math.abs(a.x - b.x) >= boxWidth || Math.abs(a.y - b.y) >= boxHeight).toBe(true);
          }
        }
      }),
      { numRuns: 40 },
    );
  });
});

describe("a saved picture", () => {
  it("is well-formed XML, whatever the names", () => {
    const svg = toSVG(elementPicture([{ name: `<a>&"'`, type: "t", state: "healthy" }, { name: "b", type: "t", requires: [`<a>&"'`] }]), (s) => s);
    const doc = new DOMParser().parseFromString(svg, "image/svg+xml");
    expect(doc.querySelector("parsererror")).toBeNull();
    expect(doc.querySelectorAll("title")[0]?.textContent).toBe(`<a>&"'`);
  });
});
