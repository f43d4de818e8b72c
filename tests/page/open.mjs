// A browser with the page open. CHROMIUM is its path.
import { chromium } from "playwright-core";

export async function open(link, options = {}) {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox"] });
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, colorScheme: "light", locale: "en-GB", timezoneId: "UTC", ...options });
  const page = await context.newPage();
  const errors = [], foreign = [];
  const origin = new URL(link).origin;
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => { if (message.type() === "error") errors.push(message.text()); });
  page.on("request", (request) => { if (new URL(request.url()).origin !== origin) foreign.push(request.url()); });
  await page.goto(link);
  await page.locator(".live.on").waitFor({ timeout: 30000 });
  return { browser, context, page, errors, foreign, origin };
}

// Another view, as a person would reach it.
export async function go(page, hash) {
  await page.evaluate((to) => { location.hash = to; }, hash);
  await page.waitForTimeout(250);
}
