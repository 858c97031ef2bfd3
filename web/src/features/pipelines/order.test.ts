import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { change, readText, set } from "./document";
import { addStage, followName, linksOf, moveStage, removeStage, shiftStage, type Side } from "./order";

const file = `name: shop
stages:
  - name: test # fast
    type: review
  - {name: deploy, type: review}
  - name: check
    type: review
    odd: [1]
`;

function links(text: string): Record<string, readonly string[]> {
  const { doc } = readText(text);
  if (!doc) throw new Error(text);
  return Object.fromEntries(linksOf(doc).map((l) => [l.name, l.needs]));
}

describe("the order of stages", () => {
  it("is that of the file, unless stages say what they need", () => {
    expect(links(file)).toEqual({ test: [], deploy: ["test"], check: ["deploy"] });
  });
  it("takes a new stage before, after or beside another one", () => {
    expect(links(addStage(file, { name: "new" }, "before", "test"))).toEqual({ new: [], test: ["new"], deploy: ["test"], check: ["deploy"] });
    expect(links(addStage(file, { name: "new" }, "after", "check"))).toEqual({ test: [], deploy: ["test"], check: ["deploy"], new: ["check"] });
    const beside = addStage(file, { name: "new" }, "beside", "deploy");
    expect(links(beside)).toEqual({ test: [], deploy: ["test"], new: ["test"], check: ["deploy", "new"] });
    expect(links(addStage(beside, { name: "then" }, "after", "new"))).toMatchObject({ then: ["new"], check: ["deploy", "then"] });
  });
  it("moves a stage, with its comments and with what the form does not know", () => {
    const text = moveStage(file, "check", "before", "test");
    expect(links(text)).toEqual({ check: [], test: ["check"], deploy: ["test"] });
    expect(text).toContain("name: test # fast");
    expect(text).toContain("odd: [1]");
    expect(text).not.toContain("needs");
    expect(links(shiftStage(file, "deploy", -1))).toEqual({ deploy: [], test: ["deploy"], check: ["test"] });
    expect(links(shiftStage(file, "test", -1))).toEqual(links(file));
  });
  it("closes the gap that a stage leaves", () => {
    expect(links(removeStage(addStage(file, { name: "new" }, "beside", "deploy"), "deploy"))).toEqual({ test: [], new: ["test"], check: ["new"] });
    expect(links(removeStage(file, "test"))).toEqual({ deploy: [], check: ["deploy"] });
  });
  it("follows a new name", () => {
    const text = followName(change(addStage(file, { name: "new" }, "beside", "deploy"), set(["stages", 1, "name"], "prod")), "deploy", "prod");
    expect(links(text)).toMatchObject({ prod: ["test"], check: ["prod", "new"] });
  });

  it("never makes a circle, loses a stage or names one that is not there, whatever is done", () => {
    const step = fc.record({ verb: fc.constantFrom("add", "move", "remove", "shift"), a: fc.nat(9), b: fc.nat(9), side: fc.constantFrom<Side>("before", "after", "beside"), by: fc.constantFrom<-1 | 1>(-1, 1) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        let text = file;
        let made = 0;
        let names = ["test", "deploy", "check"];
        for (const { verb, a, b, side, by } of steps) {
          const one = names[a % names.length] ?? "";
          const other = names[b % names.length] ?? "";
          if (verb === "add") {
            const name = `s${made++}`;
            text = addStage(text, { name }, side, one);
            names = [...names, name];
          } else if (verb === "move") text = moveStage(text, one, side, other);
          else if (verb === "shift") text = shiftStage(text, one, by);
          else if (names.length > 1) {
            text = removeStage(text, one);
            names = names.filter((n) => n !== one);
          }
          const now = links(text);
          expect(Object.keys(now).sort()).toEqual([...names].sort());
          const settled = new Set<string>();
          while (settled.size < names.length) {
            const ready = Object.entries(now).filter(([n, needs]) => !settled.has(n) && needs.every((x) => settled.has(x)));
            expect(ready.length).toBeGreaterThan(0);
            for (const [n] of ready) settled.add(n);
          }
        }
      }),
      { numRuns: 60 },
    );
  });
});
