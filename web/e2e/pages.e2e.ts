// Every page of the console, in both themes: looked at for accessibility, and on a small screen. The route table says which pages there
// are, so that none is left out. What they show is made through the API, one of each kind.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { APIRequestContext, Locator, Page } from "playwright-core";
import { en, type Texts } from "../src/i18n/en";
import { zh } from "../src/i18n/zh";
import { accessible, button, findings, fits, heading, open, password, signIn, visit, withBrowser } from "./browser";

withBrowser();

const routes = [...readFileSync(new URL("../src/app/router.tsx", import.meta.url), "utf8").matchAll(/path: "([^"]+)"/g)].map(([, path]) => path ?? "");

const file = `name: looked-at
variables:
  - {name: tag, value: "1.0"}
start:
  conditions:
    - webhook: {}
    - channel: {name: looked-at}
stages:
  - {name: ask, type: review, review: {mode: one, users: [admin]}}
  - name: deploy
    type: template-deploy
    images: [{name: app, image: "nobody/nothing:\${tag}"}]
    deploy: {tool: aos, stack: looked-at, create: true, template: looked-at, version: "1.0", parameters: {text: "\${tag}"}}
    timeout: 1h
`;
const template = `tosca_definitions_version: huaweicloud_tosca_version_1_0
inputs:
  text: {type: string, default: hello, description: some text}
node_templates:
  settings:
    type: HuaweiCloud.CCE.ConfigMap
    properties:
      k8sManifest: {apiVersion: v1, kind: ConfigMap, metadata: {name: looked-at}, data: {text: {get_input: text}}}
`;

/** Makes one thing of each kind, and gives the names and ids that addresses need. */
async function furnish(request: APIRequestContext) {
  const call = async (method: string, path: string, data?: unknown, type = "application/json") => {
    const answer = await request.fetch(path, { method, data, headers: { "Content-Type": type } });
    if (!answer.ok()) throw new Error(`${method} ${path}: ${answer.status()} ${await answer.text()}`);
    return (await answer.json()) as { id: string };
  };
  await call("PUT", "/api/v1/templates/looked-at/versions/1.0", template, "application/octet-stream");
  await call("PUT", "/api/v1/templates/looked-at/versions/1.1", `# another\n${template}`, "application/octet-stream");
  await call("POST", "/api/v1/stacks", { name: "looked-at", template: "looked-at", version: "1.0" });
  await call("PUT", "/api/v1/pipelines/looked-at", file, "application/yaml");
  const run = await call("POST", "/api/v1/pipelines/looked-at/runs", { variables: {} });
  const other = await call("POST", "/api/v1/pipelines/looked-at/runs", { variables: { tag: "2.0" } });
  await call("POST", "/api/v1/channels/looked-at/messages", { params: { tag: "3.0" } });
  await call("POST", "/api/v1/freezes", { scope: "pipeline", name: "looked-at", until: new Date(Date.now() + 3_600_000).toISOString(), reason: "holidays" });
  await call("POST", "/api/v1/pipelines/looked-at/export", { template: "looked-at" });
  await call("POST", "/api/v1/organizations", { name: "looked-at", public: false });
  return { run: run.id, other: other.id };
}

/** The addresses of each page, with its tabs. */
const places = ({ run, other }: { run: string; other: string }): Record<string, string[]> => {
  const tabs = (path: string, ...names: string[]) => [path, ...names.map((n) => `${path}?tab=${n}`)];
  return {
    "/": ["/"],
    "/pipelines": ["/pipelines"],
    "/pipelines/new": ["/pipelines/new"],
    "/pipelines/$name": tabs("/pipelines/looked-at", "variables", "messages", "webhooks", "yaml"),
    "/pipelines/$name/edit": ["/pipelines/looked-at/edit"],
    "/runs/$id": tabs(`/runs/${run}`, "resources", "parameters", "variables", "triggers", "notifications", "compare", "images"),
    "/runs/$id/compare/$other": [`/runs/${run}/compare/${other}`],
    "/templates": ["/templates"],
    "/templates/new": ["/templates/new"],
    "/templates/$name": tabs("/templates/looked-at", "inputs", "source", "compare", "stacks"),
    "/stacks": ["/stacks"],
    "/stacks/new": ["/stacks/new"],
    "/stacks/$name": tabs("/stacks/looked-at", "elements", "inputs", "outputs", "drift", "states", "events", "actions"),
    "/stacks/$name/change": ["/stacks/looked-at/change"],
    "/channels": ["/channels", "/channels?name=looked-at"],
    "/images": ["/images", "/images?org=looked-at"],
    "/targets": ["/targets"],
    "/groups": ["/groups"],
    "/groups/$name": tabs("/groups/default", "users"),
    "/audit": ["/audit"],
    "/pipeline-templates": ["/pipeline-templates"],
    "/pipeline-templates/$name": ["/pipeline-templates/deploy-on-push", "/pipeline-templates/looked-at"],
    "/freezes": ["/freezes"],
    "/settings": ["/settings"],
    "/users": ["/users"],
    "/account": ["/account"],
  };
};

describe("every page", () => {
  it("is usable by everybody, in both themes and on a telephone", async () => {
    const { context, page, errors } = await open({ language: "en" });
    await page.goto("/login");
    await page.getByLabel(en.login.user).waitFor();
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      await accessible(page, `/login ${colorScheme}`);
    }
    await signIn(page, en);
    const addresses = places(await furnish(page.request));
    expect([...Object.keys(addresses), "/login"].sort()).toEqual([...routes].sort());

    const switchTo = async (w: Texts, words: string) => {
      await page.getByRole("button", { name: /English|中文/ }).click();
      await page.getByRole("menuitem", { name: words, exact: true }).click();
      await page.getByRole("navigation").getByRole("link", { name: w.app.overview, exact: true }).waitFor();
    };
    await page.emulateMedia({ colorScheme: "light" });
    const found: [string, unknown[]][] = [];
    for (const [first, ...tabs] of Object.values(addresses)) {
      for (const path of [first ?? "", ...tabs]) {
        await visit(page, path);
        await settled(path);
        found.push([path, await findings(page)]);
        if (path !== first) continue;
        await fits(page, path);
        await page.emulateMedia({ colorScheme: "dark" });
        await page.locator(':root[data-theme="dark"]').waitFor({ state: "attached" });
        found.push([`${path} dark`, await findings(page, ["color-contrast"])]);
        await page.emulateMedia({ colorScheme: "light" });
      }
    }
    expect(found.filter(([, list]) => list.length > 0)).toEqual([]);
    await switchTo(zh, "中文");
    for (const [path] of Object.values(addresses)) {
      if (path === undefined) continue;
      await visit(page, path);
      await settled(path);
      await fits(page, `${path} zh-CN`);
    }
    expect(errors).toEqual([]);
    await context.close();

    async function settled(path: string) {
      await page.waitForURL((at) => at.pathname + at.search === path);
      await page.getByRole("heading", { level: 1 }).waitFor();
      await page.locator("main, [role=main]").locator(".ant-skeleton").first().waitFor({ state: "detached" });
    }
  });
});

/** Presses Tab until an element has the focus. */
async function tabTo(page: Page, to: Locator) {
  for (let n = 0; n < 80; n++) {
    await page.keyboard.press("Tab");
    if (await to.evaluate((e) => e === document.activeElement)) return;
  }
  throw new Error(`Tab does not come to ${String(to)}`);
}

describe("the keyboard alone", () => {
  it("signs in, skips the menu, goes through a dialog that keeps the focus", async () => {
    const w = en;
    const { context, page } = await open({ language: "en" });
    await page.goto("/");
    await page.getByLabel(w.login.user).waitFor();
    await page.keyboard.type("admin");
    await page.keyboard.press("Tab");
    await page.keyboard.type(password);
    await page.keyboard.press("Enter");
    await heading(page, w.app.overview);
    await tabTo(page, page.getByRole("link", { name: w.app.skip }));
    await tabTo(page, page.getByRole("navigation").getByRole("link", { name: w.app.pipelines, exact: true }));
    await page.keyboard.press("Enter");
    await heading(page, w.app.pipelines);
    const start = button(page, `${w.pipelines.start} looked-at`);
    await start.waitFor();
    await tabTo(page, start);
    await page.keyboard.press("Enter");
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel(/^tag/).waitFor();
    // Behind its last place comes the browser's own frame, as behind the last one of a page, and then the dialog again.
    const inside = () => dialog.evaluate((d) => d.contains(document.activeElement) || document.activeElement === document.body);
    await expect.poll(inside).toBe(true);
    for (let n = 0; n < 8; n++) {
      await page.keyboard.press(n < 6 ? "Tab" : "Shift+Tab");
      await expect.poll(inside, { message: `Tab ${n} stays in the dialog` }).toBe(true);
    }
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    await context.close();
  });
});

describe("a pipeline that two people edit", () => {
  it("shows mistakes at their fields in the words of the server, and both versions of what both have changed", async () => {
    const w = en;
    const { context, page } = await open({ language: "en" });
    await signIn(page, w);
    await page.goto("/pipelines/looked-at/edit");
    const description = page.getByRole("textbox", { name: w.common.description, exact: true });
    await description.fill("mine");

    // A mistake is told before anything is sent, and nothing can be.
    const said: string[] = [];
    page.on("request", (r) => r.method() === "PUT" && said.push(r.url()));
    const count = page.getByLabel(`${w.pipelines.variable} 1: ${w.common.name}`, { exact: true });
    await count.fill("1 wrong name");
    await page.getByRole("alert").getByText("1 wrong name").first().waitFor();
    expect(await button(page, w.common.save).isDisabled()).toBe(true);
    await accessible(page, "a pipeline with mistakes");
    await count.fill("tag");

    // Somebody else saves in between.
    const theirs = file.replace("variables:", "description: theirs\nvariables:");
    expect((await page.request.put("/api/v1/pipelines/looked-at", { data: theirs, headers: { "Content-Type": "application/yaml" } })).status()).toBe(200);
    await expect.poll(() => button(page, w.common.save).isEnabled()).toBe(true);
    await button(page, w.common.save).click();
    const conflict = page.locator(".conflict");
    await conflict.getByText("description: theirs").waitFor();
    await conflict.getByText("description: mine").waitFor();
    await accessible(page, "both versions");
    expect(await description.inputValue()).toBe("mine");
    expect(said.length).toBe(1);
    await conflict.getByRole("button", { name: w.pipelines.overwrite }).click();
    await heading(page, "looked-at");
    expect(((await (await page.request.get("/api/v1/pipelines/looked-at")).json()) as { description: string }).description).toBe("mine");
    await context.close();
  });
});
