// Takes a picture of each view: node pictures.mjs LINK FOLDER [all]. For docs/page.md, and to look at.
import { go, open } from "./open.mjs";

const [link, folder, all] = process.argv.slice(2);
const wide = { width: 1240, height: 800 }, narrow = { width: 360, height: 740 };
const { browser, page, errors } = await open(link, { viewport: wide });
const firstLink = async (where) => (await page.locator(where).first().getAttribute("href")) ?? "";
const views = {
  releases: async () => { await go(page, "#release"); },
  fleet: async () => { await go(page, "#fleet"); },
  machine: async () => { await go(page, "#fleet"); await go(page, await firstLink(".row a")); },
  channels: async () => { await go(page, "#channels"); await go(page, await page.locator("main h2 a").last().getAttribute("href")); },
  models: async () => { await go(page, "#models"); await go(page, await firstLink("main table a")); },
  health: async () => { await go(page, "#health"); },
};

async function take(name, size, scheme) {
  await page.setViewportSize(size);
  await page.emulateMedia({ colorScheme: scheme });
  for (const [view, show] of Object.entries(views)) {
    await show();
    await page.waitForTimeout(700);
    await page.screenshot({ path: `${folder}/${view}${name}.png` });
  }
}
// The moment: some nodes have it, others fetch it.
await go(page, "#release");
await page.getByText(/^.* · [3-9] of \d+ nodes have it$/).waitFor({ timeout: 120000 });
await take("", wide, "light");
if (all) {
  await take("-dark", wide, "dark");
  await take("-narrow", narrow, "light");
  await take("-narrow-dark", narrow, "dark");
}
if (errors.length) console.log(errors.join("\n"));
await browser.close();
process.exit(errors.length ? 1 : 0);
