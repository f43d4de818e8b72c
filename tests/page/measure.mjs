// How fast the page of a large fleet is: node measure.mjs LINK. Prints one JSON object.
import { chromium } from "playwright-core";

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox"] });
const page = await (await browser.newContext({ viewport: { width: 1440, height: 900 } })).newPage();
await page.addInitScript(() => {
  window.spent = { "shoal-take": [], "shoal-draw": [] };
  new PerformanceObserver((list) => list.getEntries().forEach((entry) => window.spent[entry.name]?.push(entry.duration))).observe({ type: "measure" });
});
const began = Date.now();
await page.goto(process.argv[2]);
await page.locator(".row").first().waitFor({ timeout: 60000 });
const first = Date.now() - began;
const seen = {};
for (const view of ["fleet", "release"]) {
  await page.evaluate((to) => { location.hash = to; window.spent["shoal-take"].length = window.spent["shoal-draw"].length = 0; }, view);
  await page.waitForTimeout(15000);
  seen[view] = await page.evaluate(() => window.spent);
}
const rows = await page.evaluate(() => { location.hash = "fleet"; return new Promise((done) => setTimeout(() => done(document.querySelectorAll(".row").length), 500)); });
const heap = await page.evaluate(() => performance.memory.usedJSHeapSize);
console.log(JSON.stringify({ first, rows, heap, ...seen }));
await browser.close();
