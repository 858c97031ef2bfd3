// Figures of large lists and of a long log, in a real browser against a real server that BenchmarkConsole in test/e2e fills. It
// prints lines of FIGURE, a name with its unit, and a value; times are of this machine, now. Nothing here fails because of a time.
import { chromium, type Browser, type CDPSession, type Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { en as w } from "../src/i18n/en";

const url = process.env.FAIRLEAD_URL ?? "";
const password = process.env.FAIRLEAD_PASSWORD ?? "";
const run = process.env.FAIRLEAD_RUN ?? "";

let browser: Browser;
let page: Page;
let tools: CDPSession;

// Runs in the page from its first moment on: the longest task, the longest time between two frames, and when a place first holds something.
const watch = `
  const seen = (window.figures = { task: 0, frame: 0, first: {} });
  new PerformanceObserver((list) => { for (const e of list.getEntries()) seen.task = Math.max(seen.task, e.duration); }).observe({ type: "longtask", buffered: true });
  let before;
  const frame = (now) => { if (before !== undefined) seen.frame = Math.max(seen.frame, now - before); before = now; requestAnimationFrame(frame); };
  requestAnimationFrame(frame);
  const places = { row: "tbody .ant-table-row", line: ".log-line:not(.dim)" };
  new MutationObserver(() => { for (const [k, v] of Object.entries(places)) if (!(k in seen.first) && document.querySelector(v)) seen.first[k] = performance.now(); })
    .observe(document, { childList: true, subtree: true });
`;

interface Figures {
  task: number;
  frame: number;
  first: Record<string, number>;
}

beforeAll(async () => {
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"] });
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, baseURL: url });
  await context.addInitScript(() => localStorage.setItem("fairlead.language", "en"));
  page = await context.newPage();
  page.setDefaultTimeout(120_000);
  tools = await context.newCDPSession(page);
  await page.goto("/");
  await page.getByLabel(w.login.user).fill("admin");
  await page.getByLabel(w.login.password, { exact: true }).fill(password);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: w.app.overview, level: 1 }).waitFor();
  await context.addInitScript({ content: watch });
});
afterAll(() => browser.close());

function figure(name: string, unit: string, value: number) {
  process.stdout.write(`FIGURE ${unit}-${name} ${value.toFixed(unit === "ms" ? 0 : 1)}\n`);
}

const figures = () => page.evaluate(() => (window as unknown as { figures: Figures }).figures);
const begin = () => page.evaluate(() => Object.assign((window as unknown as { figures: Figures }).figures, { task: 0, frame: 0 }));
const elements = () => page.evaluate(() => document.getElementsByTagName("*").length);

async function heap(): Promise<number> {
  await tools.send("HeapProfiler.collectGarbage");
  const { usedSize } = await tools.send("Runtime.getHeapUsage");
  return usedSize / 1e6;
}

/** Opens a page anew and says when the first row stood, when all was there, and what it took. */
async function opened(name: string, path: string, place: "row" | "line", whole: () => Promise<unknown>) {
  await page.goto("about:blank");
  await page.goto(path, { waitUntil: "commit" });
  await page.locator(place === "row" ? "tbody .ant-table-row" : ".log-line:not(.dim)").first().waitFor();
  await whole();
  const all = await page.evaluate(() => performance.now());
  const f = await figures();
  figure(`${name}-first`, "ms", f.first[place] ?? Number.NaN);
  figure(`${name}-whole`, "ms", all);
  figure(`${name}-longest-task`, "ms", f.task);
  figure(`${name}-longest-frame`, "ms", f.frame);
  figure(`${name}-DOM`, "elements", await elements());
  figure(`${name}-heap`, "MB", await heap());
}

/** Does something and says how long the longest task and frame were meanwhile. */
async function during(name: string, what: () => Promise<unknown>) {
  await begin();
  await what();
  await page.waitForTimeout(500); // frames after the last one count as well
  const f = await figures();
  figure(`${name}-longest-task`, "ms", f.task);
  figure(`${name}-longest-frame`, "ms", f.frame);
}

const search = () => page.getByRole("searchbox", { name: w.common.search });

it.each([
  ["pipelines", "/pipelines", "p0999"],
  ["users", "/users", "u0999"],
])("a list of 10,000 %s", async (name, path, word) => {
  await opened(name, path, "row", () => page.locator(".ant-pagination-item[title='201']").waitFor());
  await during(`${name}-page`, () => page.locator(".ant-pagination-item[title='201']").click());
  await during(`${name}-search`, async () => {
    await search().pressSequentially(word, { delay: 40 });
    await expect.poll(() => page.locator("tbody .ant-table-row").count()).toBe(10);
  });
});

it("a log of 100,000 lines", async () => {
  await opened("log", `/runs/${run}`, "line", () => page.getByText("step 99999:").waitFor());
  const log = page.getByRole("log");
  // Up through the log, page by page as they are read.
  await during("log-scroll", async () => {
    await log.hover();
    for (let i = 0; i < 60; i++) {
      await page.mouse.wheel(0, -4_000);
      await page.waitForTimeout(50);
    }
  });
  await during("log-start", async () => {
    await page.getByRole("button", { name: w.runs.logStart }).click();
    await page.getByText("step 0:").waitFor();
  });
  await during("log-search", async () => {
    await page.getByRole("searchbox", { name: w.runs.searchLog }).pressSequentially("step 77777", { delay: 40 });
    await page.getByText("1 lines", { exact: true }).waitFor();
  });
  await during("log-end", async () => {
    await page.getByRole("searchbox", { name: w.runs.searchLog }).clear();
    await page.getByRole("checkbox", { name: w.runs.follow }).check();
    await page.getByText("step 99999:").waitFor();
  });
  figure("log-DOM", "elements", await elements());
});
