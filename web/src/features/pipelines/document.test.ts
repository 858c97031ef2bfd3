import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { append, blankPipeline, change, insert, keysAt, lengthAt, move, nodeText, readDuration, readText, remove, set, textAt, valueAt, writeDuration } from "./document";

const file = `# who owns it
name: shop # the shop
stages:
  - name: deploy
    deploy: {stack: shop, parameters: {replicas: "3"}}   # careful
  - name: check
unknown_key: [1, 2]
`;

function docOf(text: string) {
  const { doc, error } = readText(text);
  if (!doc) throw new Error(error?.message);
  return doc;
}

describe("a pipeline file that a form changes", () => {
  it("keeps comments and keys that the form does not know", () => {
    const text = change(file, set(["stages", 0, "deploy", "stack"], "shop-prod"));
    expect(text).toContain("# who owns it");
    expect(text).toContain("# the shop");
    expect(text).toContain("# careful");
    expect(parse(text)).toMatchObject({ unknown_key: [1, 2], stages: [{ deploy: { stack: "shop-prod", parameters: { replicas: "3" } } }, { name: "check" }] });
  });

  it("keeps text that looks like a number text", () => {
    const text = change(file, set(["stages", 0, "deploy", "version"], "1.0"));
    expect(valueAt(docOf(text), ["stages", 0, "deploy", "version"])).toBe("1.0");
  });

  it("takes a key away with the maps that are left empty, but not with list entries", () => {
    const text = change(change(file, set(["stages", 1, "on_error", "action"], "ignore")), remove(["stages", 1, "on_error", "action"]));
    expect(parse(text)).toEqual(parse(file));
  });

  it("makes the way to a new key", () => {
    const text = change("name: a\n", set(["start", "conditions", 0, "channel", "name"], "built"));
    expect(parse(text)).toEqual({ name: "a", start: { conditions: [{ channel: { name: "built" } }] } });
  });

  it("adds, inserts and moves list entries", () => {
    let text = change(file, append(["stages"], { name: "last" }), insert(["stages"], 0, { name: "first" }));
    expect((parse(text) as { stages: { name: string }[] }).stages.map((s) => s.name)).toEqual(["first", "deploy", "check", "last"]);
    text = change(text, move(["stages"], 0, 3));
    expect((parse(text) as { stages: { name: string }[] }).stages.map((s) => s.name)).toEqual(["deploy", "check", "last", "first"]);
    expect(change(text, move(["stages"], 0, 9))).toBe(change(text));
  });

  it("gives a part as a text of its own, with tags and comments", () => {
    const text = "values:\n  n: !!int ${replicas} # how many\n  list: [1, 2]\n";
    expect(nodeText(docOf(text), ["values"])).toBe("n: !!int ${replicas} # how many\nlist: [1, 2]\n");
    expect(nodeText(docOf(text), ["gone"])).toBe("");
    expect(change('a: !!int "${n}"\nb: !!bool true\nc: !!float 1.5\n', set(["d"], "x"))).toBe('a: !!int "${n}"\nb: !!bool true\nc: !!float 1.5\nd: x\n');
  });

  it("leaves a text that cannot be read as it is", () => {
    const broken = "name: [\n";
    expect(readText(broken).error?.message).toBeTruthy();
    expect(change(broken, set(["name"], "x"))).toBe(broken);
    expect(readText("- a\n").doc).toBeUndefined();
  });

  it("begins from an empty text", () => {
    expect(parse(change("", set(["name"], "x")))).toEqual({ name: "x" });
  });

  it("gives what it was given, for any texts at any keys", () => {
    const key = fc.stringMatching(/^[a-z][a-z0-9_]{0,8}$/);
    fc.assert(
      fc.property(fc.array(fc.tuple(key, key, fc.string({ minLength: 1 })), { maxLength: 8 }), (entries) => {
        let text = blankPipeline("shop");
        const want = new Map<string, string>();
        for (const [a, b, value] of entries) {
          text = change(text, set(["values", a, b], value));
          want.set(`${a} ${b}`, value);
        }
        const doc = docOf(text);
        for (const [path, value] of want) expect(textAt(doc, ["values", ...path.split(" ")])).toBe(value);
        for (const path of want.keys()) text = change(text, remove(["values", ...path.split(" ")]));
        expect(parse(text)).toEqual(parse(blankPipeline("shop")));
      }),
    );
  });

  it("reads lengths and keys, also where there is nothing", () => {
    const doc = docOf(file);
    expect(lengthAt(doc, ["stages"])).toBe(2);
    expect(lengthAt(doc, ["variables"])).toBe(0);
    expect(keysAt(doc, ["stages", 0, "deploy"])).toEqual(["stack", "parameters"]);
    expect(keysAt(doc, ["name"])).toEqual([]);
    expect(textAt(doc, ["stages"])).toBe("");
  });
});

describe("durations", () => {
  it("are hours and minutes", () => {
    expect(readDuration("1h30m")).toEqual({ hours: 1, minutes: 30 });
    expect(readDuration("1h0m0s")).toEqual({ hours: 1, minutes: 0 });
    expect(readDuration("90s")).toBeUndefined();
    expect(writeDuration(72, 0)).toBe("72h");
    expect(writeDuration(0, 0)).toBe("");
  });
  it("come back as they were written", () => {
    fc.assert(
      fc.property(fc.nat(999), fc.nat(59), (hours, minutes) => {
        fc.pre(hours + minutes > 0);
        expect(readDuration(writeDuration(hours, minutes))).toEqual({ hours, minutes });
      }),
    );
  });
});
