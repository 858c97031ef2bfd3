// The whole procedure of a user in a real browser, by mouse and keyboard, against a real server with a real container engine: from an
// empty server to a deployed image, a failure, a retry and the end, once in each language. The server may call this machine;
// FAIRLEAD_TEMPLATE is a template of a page behind a port, FAIRLEAD_IMAGE the OCI layout of an image for it.
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { Locator, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { en } from "../src/i18n/en";
import { zh } from "../src/i18n/zh";
import { accessible, button, heading, host, link, open, password, signIn, withBrowser } from "./browser";
import { push } from "./push";

const template = readFileSync(process.env.FAIRLEAD_TEMPLATE ?? "", "utf8");
const layout = process.env.FAIRLEAD_IMAGE ?? "";

withBrowser();

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

/** Presses the copy button of a text and gives what is in the clipboard then. */
async function copied(of: Locator): Promise<string> {
  await of.locator(".copyable").getByRole("button").click();
  return of.page().evaluate(() => navigator.clipboard.readText());
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

describe.each([
  ["zh-CN", zh, "中文", "light"],
  ["en", en, "English", "dark"],
] as const)("the console in %s", (language, w, words, theme) => {
  const suffix = language === "en" ? "en" : "zh";
  const [stack, pipeline, group, org, built, released, deployed] = ["web", "shop", "team", "demo", "built", "released", "deployed"].map((name) => `${name}-${suffix}`) as [string, string, string, string, string, string, string];

  it("takes a user from nothing to a deployed image, and through a failure", async () => {
    const { context, page, hosts, errors } = await open({ theme });
    await page.goto("/");
    await page.getByRole("button", { name: /English|中文/ }).click();
    await page.getByRole("menuitem", { name: words, exact: true }).click();
    await signIn(page, w);

    // A group for the pipeline.
    await link(page, w.places.groups);
    await button(page, w.groups.create).click();
    await page.getByRole("dialog").getByLabel(w.common.name, { exact: true }).fill(group);
    await accessible(page, "new group");
    await page.getByRole("dialog").getByRole("button", { name: w.common.create, exact: true }).click();
    await heading(page, group);

    // An image, pushed with the commands that the console shows.
    await link(page, w.app.images);
    await button(page, w.images.createOrg).click();
    await page.getByRole("dialog").getByLabel(w.common.name, { exact: true }).fill(org);
    await page.getByRole("dialog").getByRole("button", { name: w.common.create, exact: true }).click();
    await page.getByRole("link", { name: org, exact: true }).click();
    await button(page, w.images.makeToken).click();
    const signingIn = page.getByRole("listitem").filter({ hasText: "docker login" });
    await signingIn.waitFor();
    await push(await copied(signingIn), layout, `${org}/web`, "1.0");
    await page.getByRole("link", { name: "web", exact: true }).click();
    await page.getByRole("row").filter({ hasText: "linux/" }).getByText(`docker pull ${host}/${org}/web:1.0`).waitFor();

    // A template, in the editor; a mistake is told while typing.
    await link(page, w.app.templates);
    await page.getByRole("link", { name: w.templates.create }).first().click();
    await page.getByRole("textbox", { name: w.common.name, exact: true }).fill(stack);
    const editor = page.getByRole("textbox", { name: w.templates.source });
    await editor.fill(template.replace("get_input: image", "get_input: imag"));
    await page.getByText(/"?imag"?/).last().waitFor();
    await accessible(page, "template with a mistake");
    await editor.fill(template);
    await page.getByText(w.templates.valid).waitFor();
    await button(page, w.templates.push).click();
    await heading(page, stack);

    // A stack in three steps.
    await page.getByRole("link", { name: w.templates.makeStack }).click();
    await page.getByRole("textbox", { name: w.common.name, exact: true }).fill(stack);
    await button(page, w.common.next).click();
    await page.getByLabel("image", { exact: true }).fill(`${host}/${org}/web:1.0`);
    await page.getByLabel("replicas", { exact: true }).fill("1");
    await accessible(page, "inputs of a stack");
    await button(page, w.common.next).click();
    await page.getByText(w.stacks.previewTitle).waitFor();
    await accessible(page, "preview of a stack");
    await button(page, w.stacks.apply).click();
    await heading(page, stack);
    await page.locator(".page-title").getByText(w.state.healthy, { exact: true }).waitFor();

    // A pipeline by form: what starts it, and what goes where.
    const choose = async (opener: string, item: string) => {
      await button(page, opener).click();
      await page.getByRole("menuitem", { name: item, exact: true }).click();
    };
    const pick = async (label: string, value: string) => {
      await page.getByRole("combobox", { name: label, exact: true }).fill(value);
      await page.keyboard.press("Enter");
    };
    const parameter = async (name: string, variable?: string) => {
      await button(page, w.pipelines.addParam).last().click();
      await page.getByLabel(`${w.pipelines.param} 1`, { exact: true }).last().fill(name);
      if (variable) await page.getByLabel(`${w.pipelines.variable} 1`, { exact: true }).last().fill(variable);
    };
    await link(page, w.app.pipelines);
    await page.getByRole("link", { name: w.pipelines.create }).first().click();
    await page.getByRole("textbox", { name: w.common.name, exact: true }).first().fill(pipeline);
    await page.getByRole("combobox", { name: w.common.group, exact: true }).press("Enter");
    await page.getByTitle(group, { exact: true }).click();
    await button(page, w.pipelines.addVariable).click();
    await page.getByLabel(`${w.pipelines.variable} 2: ${w.common.name}`, { exact: true }).fill("replicas");
    await page.getByLabel(`${w.pipelines.variable} 2: ${w.common.value}`, { exact: true }).fill("1");
    await choose(w.conditions.add, w.conditions.webhook);
    await parameter("tag");
    await choose(w.conditions.add, w.conditions.channel);
    await page.getByLabel(w.conditions.channel, { exact: true }).fill(built);
    await parameter("version");
    await accessible(page, "basic data of a pipeline");

    // The stage, chosen in the picture with the keyboard. When it fails it is held.
    await page.locator(".react-flow__node").first().focus();
    await page.keyboard.press("Enter");
    await button(page, w.pipelines.addImage).click();
    await pick(w.images.org, org);
    await pick(w.images.repositories, "web");
    await pick(w.images.tags, "${tag}");
    await page.getByText(`${host}/${org}/web:\${tag}`, { exact: true }).waitFor();
    await pick(w.pipelines.stack, stack);
    const image = page.getByLabel("image", { exact: true });
    await image.pressSequentially("${image.a");
    await page.getByText("${image.app}", { exact: true }).last().click();
    const replicas = page.getByLabel("replicas", { exact: true });
    await replicas.fill("many");
    await page.getByRole("alert").getByText(language === "en" ? "integer" : "整数").first().waitFor();
    await replicas.fill("${replicas}");
    await page.getByRole("button", { name: w.stageForm.onError }).click();
    await page.getByRole("radio", { name: w.stageForm.stop }).click();
    await page.getByRole("button", { name: w.stageForm.notifications }).click();
    await choose(w.stageForm.addNotification, w.conditions.channel);
    await page.getByLabel(w.conditions.channel, { exact: true }).fill(deployed);
    await parameter("version");
    await choose(w.stageForm.addNotification, w.conditions.webhook);
    await page.getByLabel("URL", { exact: true }).fill(`http://127.0.0.1:${(listener.address() as AddressInfo).port}/${suffix}/\${tag}`);
    await button(page, `${w.common.add} ${w.stageForm.headers}`).click();
    await page.getByLabel(`${w.stageForm.headers}: ${w.common.name} 1`, { exact: true }).fill("X-Token");
    await page.getByLabel(`${w.stageForm.headers}: ${w.common.value} 1`, { exact: true }).fill("s3cret");
    await accessible(page, "pipeline editor");
    const yaml = page.getByRole("textbox", { name: "YAML" });
    await expect.poll(() => yaml.innerText()).toMatch(/X-Token: "?s3cret/);

    // Another stage by the picture; it goes before the first with the keyboard, and behind it with the mouse.
    const names = async () => (await page.getByRole("group", { name: w.pipelines.stages }).getByRole("button").allInnerTexts()).slice(1, -1);
    await button(page, w.pipelines.addAfter.replace("{{stage}}", "deploy")).click();
    await expect.poll(names).toEqual(["deploy", "deploy-2"]);
    await page.locator('.react-flow__node[data-id="deploy-2"]').focus();
    await page.keyboard.press("Alt+ArrowLeft");
    await expect.poll(names).toEqual(["deploy-2", "deploy"]);
    await drag(page, "deploy-2", "deploy");
    await expect.poll(names).toEqual(["deploy", "deploy-2"]);

    // It waits for somebody to release it, by webhook or by channel, who can say how many shall run.
    await page.getByLabel(w.pipelines.stageName, { exact: true }).fill("grow");
    await pick(w.pipelines.stack, stack);
    await page.getByLabel("replicas", { exact: true }).fill("${replicas}");
    await page.getByRole("button", { name: w.stageForm.triggers }).click();
    await choose(w.conditions.add, w.conditions.webhook);
    await parameter("count", "replicas");
    await choose(w.conditions.add, w.conditions.channel);
    await page.getByLabel(w.conditions.channel, { exact: true }).fill(released);
    await parameter("count", "replicas");
    await page.getByRole("radio", { name: w.pipelines.modeAny }).click();
    await button(page, w.common.save).click();
    await heading(page, pipeline);

    // Start it by hand, with a look at its variables, and follow it until it waits.
    await button(page, w.pipelines.start).first().click();
    await page.getByRole("dialog").getByLabel(/^tag/).fill("1.0");
    await accessible(page, "start of a pipeline");
    await page.getByRole("dialog").getByRole("button", { name: w.pipelines.start, exact: true }).click();
    await page.getByRole("tab", { name: w.runs.log }).waitFor();
    const stateOf = (stage: string, state: string) => page.locator(`.react-flow__node[data-id="${stage}"]`).getByText(state, { exact: true }).waitFor();
    const runState = (state: string) => page.locator(".page-title").getByText(state, { exact: true }).waitFor();
    await stateOf("deploy", w.state.succeeded);
    await stateOf("grow", w.state.waiting);

    // A message on the channel releases the second stage; what the first one has sent is there as well.
    await link(page, w.app.channels);
    await page.getByRole("link", { name: deployed, exact: true }).click();
    await page.getByRole("row").filter({ hasText: "version=1.0" }).waitFor();
    await page.getByRole("link", { name: w.app.channels, exact: true }).last().click();
    await page.getByRole("link", { name: released, exact: true }).click();
    await button(page, w.channels.publish).click();
    const publishing = page.getByRole("dialog");
    await publishing.getByLabel(`${w.common.name} 1`, { exact: true }).fill("count");
    await publishing.getByLabel(`${w.common.value} 1`, { exact: true }).fill("2");
    await publishing.getByRole("button", { name: w.channels.publish, exact: true }).click();
    await page.getByRole("row").filter({ hasText: "count=2" }).getByRole("link").last().click();
    await runState(w.state.succeeded);
    await page.getByRole("tab", { name: w.decide.conditions }).click();
    await page.getByRole("tabpanel").getByText("replicas=2").waitFor();

    // The page of the application itself.
    await page.getByRole("tab", { name: w.pipelines.parameters }).click();
    const address = await page.getByRole("link", { name: /^http:/ }).getAttribute("href");
    const application = await context.newPage();
    await application.goto(address ?? "");
    await application.getByRole("heading", { name: /1\.0/ }).waitFor();
    await application.close();

    // A build server calls the address of the start, copied from the page, with a tag that does not exist: the run is held.
    await link(page, w.app.pipelines);
    await page.getByRole("link", { name: pipeline, exact: true }).click();
    await page.getByRole("tab", { name: w.pipelines.webhooks }).click();
    const hooks = page.getByRole("tabpanel").getByRole("listitem");
    const [hook, release] = [await copied(hooks.first()), await copied(hooks.last())];
    expect(new URL(hook).host).toBe(host);
    expect((await fetch(`${hook}?tag=9.9`, { method: "POST" })).status).toBe(202);
    await page.getByRole("tab", { name: w.pipelines.history }).click();
    await page.getByRole("row").filter({ hasText: "tag=9.9" }).getByText(w.state.held, { exact: true }).waitFor();
    await link(page, w.app.overview);
    await page.getByRole("listitem").filter({ hasText: pipeline }).filter({ hasText: w.overview.forYou }).getByRole("link", { name: "#2", exact: true }).click();
    await runState(w.state.held);
    await page.getByRole("log").getByText(`${org}/web:9.9`).first().waitFor();
    expect(await untranslated(page)).toEqual([]);
    await page.getByRole("tab", { name: w.stageForm.notifications }).click();
    await page.getByRole("button", { name: w.state.delivered }).click();
    await button(page, w.sent.resend).waitFor();
    expect(await page.getByText("s3cret").count()).toBe(0);
    const got = called.find((c) => c.url === `/${suffix}/9.9`);
    expect(got?.headers["x-token"]).toBe("s3cret");
    expect(got?.body).toContain('"failure"');
    await accessible(page, "notifications of a run");

    // Another try with a tag that is there; the second stage is released by its own webhook.
    await button(page, w.decide.retry).click();
    await page.getByRole("dialog").getByLabel("tag").fill("1.0");
    await page.getByRole("dialog").getByRole("button", { name: w.decide.retry, exact: true }).click();
    await stateOf("deploy", w.state.succeeded);
    await stateOf("grow", w.state.waiting);
    expect((await fetch(release, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ count: 1 }) })).status).toBe(202);
    await runState(w.state.succeeded);
    await expect.poll(() => called.find((c) => c.url === `/${suffix}/1.0` && c.body.includes('"success"'))).toBeDefined();
    await page.getByRole("link", { name: pipeline, exact: true }).click();
    await page.getByRole("tab", { name: w.decide.messages }).click();
    await page.getByRole("row").filter({ hasText: "tag=9.9" }).getByRole("link").waitFor();
    await page.getByRole("row").filter({ hasText: released }).filter({ hasText: "count=2" }).waitFor();

    // Both runs beside each other.
    await page.getByRole("tab", { name: w.pipelines.history }).click();
    await page.getByRole("link", { name: "#2", exact: true }).click();
    await page.getByRole("tab", { name: w.decide.compare }).click();
    await page.getByRole("link", { name: "#1", exact: true }).click();
    await page.getByRole("row", { name: "replicas" }).waitFor();

    // Delete both, typing what is asked for.
    await link(page, w.app.pipelines);
    await button(page, `${w.common.delete} ${pipeline}`).click();
    const dialog = page.getByRole("dialog");
    const really = dialog.getByRole("button", { name: w.common.delete, exact: true });
    expect(await really.isDisabled()).toBe(true);
    await dialog.getByRole("textbox").fill("DELETE");
    await really.click();
    await page.getByRole("link", { name: pipeline, exact: true }).waitFor({ state: "detached" });
    await link(page, w.app.stacks);
    await page.getByRole("link", { name: stack, exact: true }).click();
    await button(page, w.common.delete).click();
    await page.getByRole("dialog").getByRole("textbox").fill(stack);
    await page.getByRole("dialog").getByRole("button", { name: w.common.delete, exact: true }).click();
    await heading(page, w.app.stacks);
    await page.getByRole("link", { name: stack, exact: true }).waitFor({ state: "detached", timeout: 60_000 });

    expect([...hosts]).toEqual([host]);
    expect(errors).toEqual([]);
    await context.close();
  });
});

describe("the console", () => {
  it("asks who is there, refuses a wrong password, and goes on to where one wanted to go", async () => {
    const { context, page } = await open({ language: "en" });
    await page.goto("/stacks?status=running");
    await page.getByLabel(en.login.user).fill("admin");
    await page.getByLabel(en.login.password, { exact: true }).fill("wrong-password");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").waitFor();
    await accessible(page, "sign-in");
    await page.getByLabel(en.login.password, { exact: true }).fill(password);
    await page.keyboard.press("Enter");
    await heading(page, en.app.stacks);
    expect(page.url()).toContain("status=running");
    await page.goto("/nothing/here");
    await page.getByRole("heading", { name: en.common.notFound }).waitFor();
    await context.close();
  });
});
