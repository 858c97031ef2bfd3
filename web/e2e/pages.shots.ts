// Pictures of every page of the console, in both languages, both themes and two sizes, from a real server that is filled first.
// FAIRLEAD_SHOTS is the folder for them. Of all: FAIRLEAD_SHOTS_ONLY names some (run,stack*), FAIRLEAD_SHOTS_AS kinds (en-dark-390), and
// FAIRLEAD_SHOTS_FULL asks for whole pages. FAIRLEAD_FURNITURE is a file with what furnish gave, for a server that is filled already.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { chromium, type Browser, type BrowserContext, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, it } from "vitest";
import { en, type Texts } from "../src/i18n/en";
import { zh } from "../src/i18n/zh";
import { furnish, type Furniture } from "./furnish";

const url = process.env.FAIRLEAD_URL ?? "";
const password = process.env.FAIRLEAD_PASSWORD ?? "";
const folder = process.env.FAIRLEAD_SHOTS ?? "";
const only = process.env.FAIRLEAD_SHOTS_ONLY ?? "";

/** A page, and what is done on it before the picture is taken. */
interface Shot {
  name: string;
  path: string;
  act?: (page: Page, w: Texts) => Promise<unknown>;
  /** Nobody is signed in. */
  out?: true;
}

const button = (page: Page, name: string | RegExp) => page.getByRole("button", { name, exact: true }).first().click();
const press = (name: (w: Texts) => string | RegExp) => (page: Page, w: Texts) => button(page, name(w));

/** The picture of a stage's form in the editor, with everything that can be folded open. */
const stage = (name: string) => async (page: Page, w: Texts) => {
  await page.locator(`.react-flow__node[data-id="${name}"]`).click();
  await page.getByText(`${w.pipelines.stage}${w.roles.colon}${name}`).waitFor();
  for (const head of await page.locator(".ant-collapse-header").all()) await head.click();
};
const parts = (page: Page, label: string) => page.getByText(label, { exact: true }).first().click();

function shots({ runs }: Furniture): Shot[] {
  const run = (key: string) => `/runs/${runs[key] ?? ""}`;
  const tabs = (name: string, path: string, keys: string[]): Shot[] => keys.map((key) => ({ name: `${name}-${key}`, path: `${path}?tab=${key}` }));
  return [
    { name: "sign-in", path: "/login", out: true },
    { name: "sign-in-wrong", path: "/login", out: true, act: async (page, w) => {
      await page.getByLabel(w.login.user).fill("admin");
      await page.getByLabel(w.login.password, { exact: true }).fill("wrong");
      await page.keyboard.press("Enter");
      await page.getByRole("alert").waitFor();
    } },
    { name: "overview", path: "/" },
    { name: "menu", path: "/", act: async (page, w) => { const menu = page.getByRole("button", { name: w.app.menu }); if (await menu.isVisible()) await menu.click(); } },
    { name: "not-found", path: "/nothing/here" },
    { name: "gone", path: "/runs/0192f0c1-0000-7000-8000-000000000000" },
    { name: "pipelines", path: "/pipelines" },
    { name: "pipelines-none", path: "/pipelines?search=nothing-like-this" },
    { name: "pipelines-delete", path: "/pipelines?search=never", act: press((w) => `${w.common.delete} never-started`) },
    { name: "pipeline", path: "/pipelines/shop" },
    { name: "pipeline-never", path: "/pipelines/never-started" },
    ...tabs("pipeline", "/pipelines/shop", ["variables", "messages", "webhooks", "yaml"]),
    { name: "pipeline-announce-messages", path: "/pipelines/announce?tab=messages" },
    { name: "pipeline-start", path: "/pipelines/shop", act: press((w) => w.pipelines.start) },
    { name: "pipeline-export", path: "/pipelines/shop", act: press((w) => w.gallery.export) },
    { name: "pipeline-rotate", path: "/pipelines/shop?tab=webhooks", act: press((w) => w.decide.rotate) },
    { name: "new-pipeline", path: "/pipelines/new" },
    { name: "edit", path: "/pipelines/shop/edit" },
    { name: "edit-form", path: "/pipelines/shop/edit", act: (page, w) => parts(page, w.pipelines.form) },
    { name: "edit-announce", path: "/pipelines/announce/edit", act: (page, w) => parts(page, w.pipelines.form) },
    { name: "edit-stage", path: "/pipelines/shop/edit", act: async (page, w) => { await page.locator('.react-flow__node[data-id="test"]').click(); await page.getByText(`${w.pipelines.stage}${w.roles.colon}test`).waitFor(); } },
    { name: "edit-deploy", path: "/pipelines/shop/edit", act: stage("test") },
    { name: "edit-deploy-form", path: "/pipelines/shop/edit", act: async (page, w) => { await parts(page, w.pipelines.form); await stage("test")(page, w); } },
    { name: "edit-helm", path: "/pipelines/stock/edit", act: async (page, w) => { await stage("deploy")(page, w); await page.getByText(w.stageForm.helm, { exact: true }).click(); } },
    { name: "edit-review", path: "/pipelines/shop/edit", act: stage("approve") },
    { name: "edit-parallel", path: "/pipelines/shop/edit", act: stage("production") },
    { name: "edit-job", path: "/pipelines/migrate/edit", act: stage("check") },
    { name: "edit-triggers", path: "/pipelines/announce/edit", act: stage("left") },
    { name: "edit-wrong", path: "/pipelines/stock/edit", act: async (page, w) => {
      await stage("deploy")(page, w);
      await page.getByLabel("replicas", { exact: true }).fill("many");
      await page.getByRole("alert").first().waitFor();
    } },
    { name: "edit-yaml", path: "/pipelines/shop/edit", act: (page) => parts(page, "YAML") },
    { name: "run", path: run("review") },
    { name: "run-stage", path: `${run("review")}?stage=test` },
    ...tabs("run", run("released"), ["log", "resources", "parameters", "variables", "triggers", "notifications", "compare", "images"]),
    { name: "run-notification", path: `${run("released")}?tab=notifications`, act: async (page) => page.locator(".ant-collapse-header").first().click() },
    { name: "run-held", path: run("held") },
    { name: "run-retry", path: run("held"), act: press((w) => w.decide.retry) },
    { name: "run-failed", path: run("failed") },
    { name: "run-job", path: run("job") },
    { name: "run-locked", path: run("locked") },
    { name: "run-frozen", path: run("frozen") },
    { name: "run-triggers", path: `${run("triggers")}?tab=triggers` },
    { name: "run-queued", path: run("queued-2.0") },
    { name: "run-canceled", path: run("missing") },
    { name: "run-approve", path: run("review"), act: press((w) => w.decide.approve) },
    { name: "run-stop", path: run("review"), act: press((w) => w.runs.stop) },
    { name: "run-search", path: run("released"), act: async (page, w) => { await page.getByLabel(w.runs.searchLog).fill("replica"); await page.waitForTimeout(800); } },
    { name: "compare", path: `${run("released")}/compare/${runs.missing ?? ""}` },
    { name: "gallery", path: "/pipeline-templates" },
    { name: "gallery-own", path: "/pipeline-templates?kind=own" },
    { name: "gallery-sample", path: "/pipeline-templates/canary" },
    { name: "gallery-mine", path: "/pipeline-templates/our-release" },
    { name: "stacks", path: "/stacks" },
    { name: "stack", path: "/stacks/shop-production" },
    { name: "stack-element", path: "/stacks/shop-production?element=storefront" },
    ...tabs("stack", "/stacks/shop-production", ["inputs", "outputs", "drift", "events", "actions"]),
    { name: "stack-states", path: "/stacks/shop-test?tab=states" },
    { name: "stack-action", path: "/stacks/shop-test?tab=actions", act: async (page) => page.locator(".ant-collapse-header").first().click() },
    { name: "stack-broken", path: "/stacks/broken" },
    { name: "stack-copy", path: "/stacks/shop-test", act: press((w) => w.drift.copy) },
    { name: "stack-delete", path: "/stacks/shop-test", act: press((w) => w.common.delete) },
    { name: "stack-new", path: "/stacks/new?template=shop&version=2026.11" },
    { name: "stack-new-inputs", path: "/stacks/new?template=shop&version=2026.11", act: async (page, w) => {
      await page.getByRole("textbox", { name: w.common.name, exact: true }).fill("another");
      await button(page, w.common.next);
      await page.getByLabel("workers").fill("99");
    } },
    { name: "stack-change", path: "/stacks/shop-test/change", act: async (page, w) => {
      await button(page, w.common.next);
      await page.getByLabel("replicas").fill("1");
      await button(page, w.common.next);
      await page.getByText(w.stacks.previewTitle).waitFor();
    } },
    { name: "templates", path: "/templates" },
    { name: "template", path: "/templates/shop" },
    ...tabs("template", "/templates/web", ["inputs", "source", "compare", "stacks"]),
    { name: "template-inputs-many", path: "/templates/shop?tab=inputs" },
    { name: "template-element", path: "/templates/shop", act: (page) => page.locator('.react-flow__node[data-id="storefront"]').click() },
    { name: "template-new", path: "/templates/new" },
    { name: "template-wrong", path: "/templates/new", act: async (page, w) => { await page.getByRole("textbox", { name: w.templates.source }).fill("node_templates:\n  web: {type: HuaweiCloud.CCE.Deploymen}\n"); await page.locator(".findings").first().waitFor(); } },
    { name: "images", path: "/images" },
    { name: "images-new", path: "/images", act: press((w) => w.images.createOrg) },
    { name: "images-org", path: "/images?org=team" },
    { name: "images-repo", path: "/images?org=team&repo=shop" },
    { name: "targets", path: "/targets" },
    { name: "targets-add", path: "/targets", act: press((w) => w.targets.add) },
    { name: "targets-rules", path: "/targets", act: press((w) => `${w.rules.edit} local`) },
    { name: "channels", path: "/channels" },
    { name: "channel", path: "/channels?name=stock-counted" },
    { name: "channel-publish", path: "/channels?name=stock-counted", act: press((w) => w.channels.publish) },
    { name: "groups", path: "/groups" },
    { name: "groups-new", path: "/groups", act: press((w) => w.groups.create) },
    { name: "group", path: "/groups/shop" },
    { name: "group-users", path: "/groups/shop?tab=users" },
    { name: "group-grant", path: "/groups/shop?tab=users", act: press((w) => w.groups.grant) },
    { name: "group-edit", path: "/groups/shop", act: press((w) => w.common.edit) },
    { name: "freezes", path: "/freezes" },
    { name: "freezes-past", path: "/freezes?past=true" },
    { name: "freezes-new", path: "/freezes", act: press((w) => w.freezes.create) },
    { name: "users", path: "/users" },
    { name: "users-new", path: "/users", act: press((w) => w.users.create) },
    { name: "users-edit", path: "/users", act: press((w) => `${w.common.edit} alice`) },
    { name: "users-password", path: "/users", act: async (page, w) => { await button(page, `${w.common.actions} alice`); await page.getByRole("menuitem", { name: w.users.changePassword }).click(); } },
    { name: "account", path: "/account" },
    { name: "account-password", path: "/account", act: press((w) => w.users.changePassword) },
    { name: "account-token", path: "/account", act: press((w) => w.users.createToken) },
    { name: "audit", path: "/audit" },
    { name: "audit-entry", path: "/audit", act: async (page, w) => page.getByRole("button", { name: new RegExp(`^${w.common.details}`) }).first().click() },
    { name: "settings", path: "/settings" },
    { name: "lost", path: "/", act: async (page, w) => {
      await page.route("**/api/v1/events**", (route) => route.abort());
      await page.reload();
      await page.getByText(w.app.lost).waitFor();
    } },
  ];
}

let browser: Browser;
let furniture: Furniture;
const receiver = createServer((_, response) => response.end("ok"));

beforeAll(async () => {
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
  await new Promise<void>((done) => receiver.listen(0, "127.0.0.1", done));
  const kept = process.env.FAIRLEAD_FURNITURE;
  furniture = kept ? (JSON.parse(readFileSync(kept, "utf8")) as Furniture) : await furnish(url, password, readFileSync(process.env.FAIRLEAD_TEMPLATE ?? "", "utf8"), `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`);
}, 400_000);
afterAll(async () => {
  await browser.close();
  receiver.close();
});

async function look(context: BrowserContext, shot: Shot, w: Texts, file: string): Promise<string | undefined> {
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  try {
    await page.goto(url + shot.path);
    await page.getByRole("heading", { level: 1 }).first().waitFor();
    await page.locator(".ant-skeleton").first().waitFor({ state: "detached" });
    await shot.act?.(page, w);
    await page.locator(".ant-skeleton").first().waitFor({ state: "detached" });
    await page.waitForTimeout(300); // pictures place themselves
    await page.screenshot({ path: file, fullPage: process.env.FAIRLEAD_SHOTS_FULL !== undefined });
    const [width, sight] = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth] as const);
    return width > sight ? `${file}: ${width} pixels wide` : undefined;
  } catch (e) {
    await page.screenshot({ path: file }).catch(() => undefined);
    return `${file}: ${e instanceof Error ? (e.message.split("\n")[0] ?? "") : String(e)}`;
  } finally {
    await page.close();
  }
}

describe.each([["zh-CN", zh, "light"], ["zh-CN", zh, "dark"], ["en", en, "light"], ["en", en, "dark"]] as const)("in %s", (language, w, theme) => {
  it.each([[1280, 800], [390, 844]])(`${theme}, %i wide`, async (width, height) => {
    const combination = `${language}-${theme}-${width}`;
    if (process.env.FAIRLEAD_SHOTS_AS && !process.env.FAIRLEAD_SHOTS_AS.split(",").includes(combination)) return;
    const make = async () => {
      const context = await browser.newContext({ viewport: { width, height }, locale: language, timezoneId: "Asia/Shanghai", reducedMotion: "reduce" });
      await context.addInitScript(([l, t]) => {
        localStorage.setItem("fairlead.language", l ?? "");
        localStorage.setItem("fairlead.theme", t ?? "");
      }, [language, theme]);
      return context;
    };
    const [signedIn, signedOut] = [await make(), await make()];
    await signedIn.request.post(`${url}/api/v1/login`, { data: { user: "admin", password, cookie: true } });
    const wanted = shots(furniture).filter((s) => only === "" || only.split(",").some((o) => s.name === o || (o.endsWith("*") && s.name.startsWith(o.slice(0, -1)))));
    const problems: string[] = [];
    for (const shot of wanted) {
      const problem = await look(shot.out ? signedOut : signedIn, shot, w, join(folder, `${shot.name}-${combination}.png`));
      if (problem) problems.push(problem);
    }
    await Promise.all([signedIn.close(), signedOut.close()]);
    if (problems.length > 0) throw new Error(problems.join("\n"));
  });
});
