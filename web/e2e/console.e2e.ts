// The whole procedure of a user in a real browser, against a real server with a real container engine: from an empty server to a
// deployed image, a failure, a retry and the end, once in each language. FAIRLEAD_URL and FAIRLEAD_PASSWORD name the server, which
// holds the image demo/web:1.0 and may call this machine; FAIRLEAD_TEMPLATE is a template of a page behind a port.
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { chromium, type Browser, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { en, type Texts } from "../src/i18n/en";
import { zh } from "../src/i18n/zh";

const url = process.env.FAIRLEAD_URL ?? "";
const password = process.env.FAIRLEAD_PASSWORD ?? "";
const template = readFileSync(process.env.FAIRLEAD_TEMPLATE ?? "", "utf8");
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

let browser: Browser;
beforeAll(async () => {
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
});
afterAll(() => browser.close());

// What the notifications of stages call.
const called: { url: string; headers: IncomingMessage["headers"]; body: string }[] = [];
const listener = createServer((request, response) => {
  let body = "";
  request.on("data", (part: Buffer) => (body += part.toString()));
  request.on("end", () => {
    called.push({ url: request.url ?? "", headers: request.headers, body });
    response.end("ok");
  });
});
beforeAll(() => new Promise<void>((done) => listener.listen(0, "127.0.0.1", done)));
afterAll(() => listener.close());

type Words = Texts;

async function open(language: string, theme: string, width = 1280) {
  // Without motion: a menu that opens upwards moves while it unfolds, and a click on a slow machine can fall between two places.
  const context = await browser.newContext({ viewport: { width, height: 900 }, acceptDownloads: true, reducedMotion: "reduce" });
  await context.addInitScript(([l, t]) => {
    localStorage.setItem("fairlead.language", l ?? "");
    localStorage.setItem("fairlead.theme", t ?? "");
  }, [language, theme]);
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  const hosts = new Set<string>();
  const errors: string[] = [];
  page.on("request", (r) => hosts.add(new URL(r.url()).host));
  page.on("pageerror", (e) => errors.push(e.message));
  return { context, page, hosts, errors };
}

async function signIn(page: Page, w: Words) {
  await page.goto(url);
  await page.getByLabel(w.login.user).fill("admin");
  await page.getByLabel(w.login.password, { exact: true }).fill(password);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: w.app.overview, level: 1 }).waitFor();
}

/** English sentences on a Chinese page, outside of code, commands and what containers print. */
async function untranslated(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    if (document.documentElement.lang !== "zh-CN") return [];
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const found: string[] = [];
    while (walk.nextNode()) {
      const text = walk.currentNode.textContent ?? "";
      const other = walk.currentNode.parentElement?.closest("code, pre, script, style, .cm-content, .stdout, .stderr");
      if (!other && /\b[a-z]{2,} [a-z]{2,} [a-z]{2,}\b/.test(text.replace(/[:：] ?fairlead .*/, ""))) found.push(text);
    }
    return found;
  });
}

/** No serious finding of axe on the page as it is now. */
async function accessible(page: Page, where: string) {
  await page.waitForTimeout(400); // colours fade in
  // Run as a script of the tool, which the page's policy does not bind.
  const client = await page.context().newCDPSession(page);
  await client.send("Runtime.evaluate", { expression: axe });
  const { result } = await client.send("Runtime.evaluate", {
    expression: `axe.run(document, { resultTypes: ["violations"] }).then((r) => JSON.stringify(r.violations.filter((v) => v.impact === "serious" || v.impact === "critical")
      .map((v) => [v.id, v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160) + " " + (n.any[0]?.message ?? ""))])))`,
    awaitPromise: true,
    returnByValue: true,
  });
  await client.detach();
  expect(JSON.parse(String(result.value)), where).toEqual([]);
}

const link = (page: Page, name: string) => page.getByRole("navigation").getByRole("link", { name, exact: true }).click();

/** Drags a stage of the picture to the right side of another one. */
async function drag(page: Page, from: string, to: string) {
  const boxOf = async (name: string) => {
    const box = await page.locator(`.react-flow__node[data-id="${name}"]`).boundingBox();
    if (!box) throw new Error(`stage ${name} is not in the picture`);
    return box;
  };
  const [a, b] = [await boxOf(from), await boxOf(to)];
  await page.mouse.move(a.x + a.width / 2, a.y + 12);
  await page.mouse.down();
  await page.mouse.move(b.x + b.width / 2, b.y + 12, { steps: 6 });
  await page.mouse.move(b.x + b.width * 0.9, b.y + 12, { steps: 4 });
  await page.mouse.up();
}
const button = (page: Page, name: string) => page.getByRole("button", { name, exact: true });

describe.each([
  ["zh-CN", zh, "light"],
  ["en", en, "dark"],
])("the console in %s", (language, w, theme) => {
  const suffix = language === "en" ? "en" : "zh";
  const stack = `web-${suffix}`;
  const pipeline = `shop-${suffix}`;
  const group = `team-${suffix}`;

  it("takes a user from nothing to a deployed image, and through a failure", async () => {
    const { context, page, hosts, errors } = await open(language, theme);
    await signIn(page, w);
    await accessible(page, "overview");

    // A template, in the editor; a mistake is told while typing.
    await link(page, w.app.templates);
    await page.getByRole("link", { name: w.templates.create }).first().click();
    await page.getByRole("textbox", { name: w.common.name, exact: true }).fill(stack);
    const editor = page.getByRole("textbox", { name: w.templates.source });
    await editor.fill(template.replace("get_input: image", "get_input: imag"));
    await page.getByText(/"?imag"?/).last().waitFor();
    await editor.fill(template);
    await page.getByText(w.templates.valid).waitFor();
    await accessible(page, "template editor");
    await button(page, w.templates.push).click();
    await page.getByRole("heading", { name: stack, level: 1 }).waitFor();
    await accessible(page, "template");

    // A stack in three steps.
    await page.getByRole("link", { name: w.templates.makeStack }).click();
    await page.getByRole("textbox", { name: w.common.name, exact: true }).fill(stack);
    await button(page, w.common.next).click();
    await page.getByLabel("image", { exact: true }).fill(`${new URL(url).host}/demo/web:1.0`);
    await page.getByLabel("replicas", { exact: true }).fill("1");
    await accessible(page, "inputs of a stack");
    await button(page, w.common.next).click();
    await page.getByText(w.stacks.previewTitle).waitFor();
    await button(page, w.stacks.apply).click();
    await page.getByRole("heading", { name: stack, level: 1 }).waitFor();
    await page.locator(".page-title").getByText(w.state.healthy, { exact: true }).waitFor();
    await accessible(page, "stack");

    // A group for the pipeline.
    await link(page, w.places.groups);
    await button(page, w.groups.create).click();
    await page.getByRole("dialog").getByLabel(w.common.name, { exact: true }).fill(group);
    await page.getByRole("dialog").getByRole("button", { name: w.common.create, exact: true }).click();
    await page.getByRole("heading", { name: group, level: 1 }).waitFor();

    // A pipeline by form, with two trigger conditions, mapped parameters and both kinds of notification.
    const choose = async (opener: string, item: string) => {
      await button(page, opener).click();
      await page.getByRole("menuitem", { name: item, exact: true }).click();
    };
    const pick = async (label: string, value: string) => {
      await page.getByRole("combobox", { name: label, exact: true }).fill(value);
      await page.keyboard.press("Enter");
    };
    await link(page, w.app.pipelines);
    await page.getByRole("link", { name: w.pipelines.create }).first().click();
    await page.getByRole("textbox", { name: w.common.name, exact: true }).first().fill(pipeline);
    await page.getByRole("combobox", { name: w.common.group, exact: true }).press("Enter");
    await page.getByTitle(group, { exact: true }).click();
    await choose(w.conditions.add, w.conditions.webhook);
    await button(page, w.pipelines.addParam).click();
    await page.getByLabel(`${w.pipelines.param} 1`, { exact: true }).fill("tag");
    await choose(w.conditions.add, w.conditions.channel);
    await page.getByLabel(w.conditions.channel, { exact: true }).fill(`built-${suffix}`);
    await button(page, w.pipelines.addParam).last().click();
    await page.getByLabel(`${w.pipelines.param} 1`, { exact: true }).last().fill("version");
    await accessible(page, "basic data of a pipeline");

    // The stage, chosen in the picture with the keyboard.
    await page.locator(".react-flow__node").first().focus();
    await page.keyboard.press("Enter");
    await button(page, w.pipelines.addImage).click();
    await pick(w.images.org, "demo");
    await pick(w.images.repositories, "web");
    await pick(w.images.tags, "${tag}");
    await page.getByText(`${new URL(url).host}/demo/web:\${tag}`, { exact: true }).waitFor();
    await pick(w.pipelines.stack, stack);
    const image = page.getByLabel("image", { exact: true });
    await image.pressSequentially("${image.a");
    await page.getByText("${image.app}", { exact: true }).last().click();
    const replicas = page.getByLabel("replicas", { exact: true });
    await replicas.fill("many");
    await page.getByRole("alert").getByText(language === "en" ? "integer" : "整数").first().waitFor();
    await replicas.fill("1");
    await page.getByRole("button", { name: w.stageForm.notifications }).click();
    await choose(w.stageForm.addNotification, w.conditions.channel);
    await page.getByLabel(w.conditions.channel, { exact: true }).fill(`deployed-${suffix}`);
    await choose(w.stageForm.addNotification, w.conditions.webhook);
    await page.getByLabel("URL", { exact: true }).fill(`http://127.0.0.1:${(listener.address() as AddressInfo).port}/${suffix}/\${tag}`);
    await button(page, `${w.common.add} ${w.stageForm.headers}`).click();
    await page.getByLabel(`${w.stageForm.headers}: ${w.common.name} 1`, { exact: true }).fill("X-Token");
    await page.getByLabel(`${w.stageForm.headers}: ${w.common.value} 1`, { exact: true }).fill("s3cret");
    await accessible(page, "pipeline editor");
    const yaml = page.getByRole("textbox", { name: "YAML" });
    await expect.poll(() => yaml.innerText()).toMatch(/X-Token: "?s3cret/);
    await expect.poll(() => yaml.innerText()).toContain("demo/web:${tag}");

    // Another stage by the picture; it goes before the first with the keyboard, behind it with the mouse, and away again.
    const names = async () => (await page.getByRole("group", { name: w.pipelines.stages }).getByRole("button").allInnerTexts()).slice(1, -1);
    const after = page.getByRole("button", { name: w.pipelines.addAfter.replace("{{stage}}", "deploy"), exact: true });
    await after.click();
    await expect.poll(names).toEqual(["deploy", "deploy-2"]);
    await page.locator('.react-flow__node[data-id="deploy-2"]').focus();
    await page.keyboard.press("Alt+ArrowLeft");
    await expect.poll(names).toEqual(["deploy-2", "deploy"]);
    await drag(page, "deploy-2", "deploy");
    await expect.poll(names).toEqual(["deploy", "deploy-2"]);
    await button(page, w.pipelines.removeStage).click();
    await expect.poll(names).toEqual(["deploy"]);
    await button(page, w.common.save).click();
    await page.getByRole("heading", { name: pipeline, level: 1 }).waitFor();
    await accessible(page, "pipeline");

    // Start it, follow it, and see it fail for an image that is not there; the webhook is told. Then again with one that is.
    const start = async (tag: string) => {
      await button(page, w.pipelines.start).first().click();
      const dialog = page.getByRole("dialog");
      await dialog.getByLabel(/^tag/).fill(tag);
      await dialog.getByRole("button", { name: w.pipelines.start, exact: true }).click();
      await page.getByRole("tab", { name: w.runs.log }).waitFor();
    };
    await start("9.9");
    await page.locator(".page-title").getByText(w.state.failed, { exact: true }).waitFor();
    await page.getByRole("log").getByText("demo/web:9.9").first().waitFor();
    await accessible(page, "run");
    expect(await untranslated(page)).toEqual([]);
    await page.getByRole("tab", { name: w.stageForm.notifications }).click();
    await page.getByText(w.state.delivered, { exact: true }).waitFor();
    await page.getByRole("button", { name: w.state.delivered }).click();
    await button(page, w.sent.resend).waitFor();
    expect(await page.getByText("s3cret").count()).toBe(0);
    const got = called.find((c) => c.url === `/${suffix}/9.9`);
    expect(got?.headers["x-token"]).toBe("s3cret");
    expect(got?.body).toContain('"failure"');
    await accessible(page, "notifications of a run");
    await button(page, w.decide.retry).click();
    await page.getByRole("dialog").getByLabel("tag").fill("1.0");
    await page.getByRole("dialog").getByRole("button", { name: w.decide.retry, exact: true }).click();
    await link(page, w.app.pipelines);
    await page.getByRole("link", { name: /^#2/ }).click();
    await page.locator(".page-title").getByText(w.state.succeeded, { exact: true }).waitFor();

    // The page of the application itself.
    await page.getByRole("tab", { name: w.pipelines.parameters }).click();
    const address = await page.getByRole("link", { name: /^http:/ }).getAttribute("href");
    const application = await context.newPage();
    await application.goto(address ?? "");
    await application.getByRole("heading", { name: /1\.0/ }).waitFor();
    await application.close();

    // Both runs beside each other.
    await page.getByRole("tab", { name: w.decide.compare }).click();
    await page.getByRole("link", { name: "#1", exact: true }).click();
    await page.getByRole("cell", { name: "9.9", exact: true }).waitFor();
    await accessible(page, "two runs");

    // The other pages.
    await link(page, w.app.images);
    await page.getByRole("link", { name: "demo", exact: true }).click();
    await page.getByRole("link", { name: "web", exact: true }).click();
    await page.getByText("docker pull").first().waitFor();
    await accessible(page, "tags");
    for (const place of [w.app.targets, w.app.channels, w.app.users, w.app.stacks, w.app.pipelines]) {
      await link(page, place);
      await page.getByRole("heading", { name: place, level: 1 }).waitFor();
      await accessible(page, place);
    }

    // Delete both, typing what is asked for.
    await button(page, `${w.common.delete} ${pipeline}`).click();
    const dialog = page.getByRole("dialog");
    const really = dialog.getByRole("button", { name: w.common.delete, exact: true });
    expect(await really.isDisabled()).toBe(true);
    await dialog.getByRole("textbox").fill("DELETE");
    await really.click();
    await page.getByRole("link", { name: pipeline, exact: true }).waitFor({ state: "detached" });
    await page.goto(`${url}/stacks/${stack}`);
    await button(page, w.common.delete).click();
    await page.getByRole("dialog").getByRole("textbox").fill(stack);
    await page.getByRole("dialog").getByRole("button", { name: w.common.delete, exact: true }).click();
    await page.getByRole("heading", { name: w.app.stacks, level: 1 }).waitFor();
    await expect.poll(async () => (await page.request.get(`${url}/api/v1/stacks/${stack}`)).status(), { timeout: 60_000 }).toBe(404);

    expect([...hosts]).toEqual([new URL(url).host]);
    expect(errors).toEqual([]);
    await context.close();
  });

  it("fits a small screen", async () => {
    const { context, page } = await open(language, theme, 390);
    await signIn(page, w);
    for (const path of ["/", "/pipelines", "/pipelines/new", "/stacks", "/templates/new", "/images", "/account"]) {
      await page.goto(url + path);
      await page.getByRole("heading", { level: 1 }).waitFor();
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      expect(width, path).toBeLessThanOrEqual(390);
    }
    await context.close();
  });
});

describe("the console", () => {
  it("asks who is there, refuses a wrong password, and goes on to where one wanted to go", async () => {
    const { context, page } = await open("en", "light");
    await page.goto(`${url}/stacks?status=running`);
    await page.getByLabel(en.login.user).fill("admin");
    await page.getByLabel(en.login.password, { exact: true }).fill("wrong-password");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").waitFor();
    await accessible(page, "sign-in");
    await page.getByLabel(en.login.password, { exact: true }).fill(password);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: en.app.stacks, level: 1 }).waitFor();
    expect(page.url()).toContain("status=running");
    await page.goto(`${url}/nothing/here`);
    await page.getByRole("heading", { name: en.common.notFound }).waitFor();
    await context.close();
  });
});
