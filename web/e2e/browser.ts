// What the tests in the browser share. FAIRLEAD_URL and FAIRLEAD_PASSWORD name the server and the password of its administrator.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium, type Browser, type Page } from "playwright-core";
import { afterAll, beforeAll, expect } from "vitest";
import type { Texts } from "../src/i18n/en";

export const url = process.env.FAIRLEAD_URL ?? "";
export const password = process.env.FAIRLEAD_PASSWORD ?? "";
export const host = new URL(url).host;
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

let browser: Browser;

/** Starts a browser for the tests of a file. */
export function withBrowser() {
  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
    });
  });
  afterAll(() => browser.close());
}

export interface Look {
  language?: string;
  /** None: as the system of the browser is, which is light until a test says otherwise. */
  theme?: "light" | "dark";
  width?: number;
}

/** A browser of somebody who has never been here, or has chosen a look before. */
export async function open({ language, theme, width = 1280 }: Look = {}) {
  // Without motion: nothing moves away under the mouse, and colours are at once what they will be.
  const context = await browser.newContext({ viewport: { width, height: 900 }, baseURL: url, acceptDownloads: true, reducedMotion: "reduce", permissions: ["clipboard-read", "clipboard-write"] });
  await context.addInitScript(([l, t]) => {
    if (l) localStorage.setItem("fairlead.language", l);
    if (t) localStorage.setItem("fairlead.theme", t);
  }, [language, theme]);
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  const hosts = new Set<string>();
  const errors: string[] = [];
  page.on("request", (r) => hosts.add(new URL(r.url()).host));
  page.on("pageerror", (e) => errors.push(e.message));
  return { context, page, hosts, errors };
}

export async function signIn(page: Page, w: Texts, user = "admin", secret = password) {
  await page.goto("/");
  const name = page.getByLabel(w.login.user);
  await name.waitFor({ timeout: 20_000 }).catch(() => page.reload()); // seen twice: nothing came of the first load; why is not known
  await name.fill(user);
  await page.getByLabel(w.login.password, { exact: true }).fill(secret);
  await page.keyboard.press("Enter");
  await heading(page, w.app.overview);
}

export const heading = (page: Page, name: string) => page.getByRole("heading", { name, level: 1, exact: true }).waitFor();
export const button = (page: Page, name: string) => page.getByRole("button", { name, exact: true });
/** Goes to a place of the menu. */
export const link = (page: Page, name: string) => page.getByRole("navigation").getByRole("link", { name, exact: true }).click();

/** Goes to an address within the console, without loading it anew. */
export const visit = (page: Page, path: string) => page.evaluate((to) => history.pushState({}, "", to), path);

/** The serious findings of axe on the page as it is now; rules names the only ones that are looked for. */
export async function findings(page: Page, rules?: string[]): Promise<unknown[]> {
  // Run as a script of the tool, which the page's policy does not bind.
  const client = await page.context().newCDPSession(page);
  const options = JSON.stringify({ resultTypes: ["violations"], ...(rules && { runOnly: rules }) });
  const there = await client.send("Runtime.evaluate", { expression: "'axe' in window" });
  if (there.result.value !== true) await client.send("Runtime.evaluate", { expression: axe });
  const { result } = await client.send("Runtime.evaluate", {
    expression: `axe.run(document, ${options}).then((r) => JSON.stringify(r.violations.filter((v) => v.impact === "serious" || v.impact === "critical")
      .map((v) => [v.id, v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160) + " " + (n.any[0]?.message ?? ""))])))`,
    awaitPromise: true,
    returnByValue: true,
  });
  await client.detach();
  return JSON.parse(String(result.value)) as unknown[];
}

export const accessible = async (page: Page, where: string) => expect(await findings(page), where).toEqual([]);

/** Nothing on the page is wider than a telephone. */
export async function fits(page: Page, where: string) {
  await page.setViewportSize({ width: 390, height: 900 });
  await expect.poll(() => page.evaluate(() => document.documentElement.scrollWidth), { message: where }).toBeLessThanOrEqual(390);
  await page.setViewportSize({ width: 1280, height: 900 });
}
