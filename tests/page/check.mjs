// Looks at the page of a fleet that is at work: node check.mjs LINK MODEL NODES. Prints what failed; the exit code is the number of failures.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { go, open } from "./open.mjs";

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const [link, model, nodes] = process.argv.slice(2);
let failures = 0;
function check(what, good, found) {
  if (!good) failures++;
  console.log((good ? "ok    " : "FAILED ") + what + (good ? "" : ": " + JSON.stringify(found)));
}
async function eventually(what, look, seconds = 60) {
  const until = Date.now() + seconds * 1000;
  let found;
  do {
    found = await look();
    if (found === true) return check(what, true);
    await new Promise((done) => setTimeout(done, 200));
  } while (Date.now() < until);
  check(what, false, found);
}

const { browser, page, errors, foreign, origin } = await open(link);
const text = (selector = "main") => page.locator(selector).first().innerText();
// Axe runs in a world of its own: the page's policy forbids foreign scripts.
async function axe(what) {
  const session = await page.context().newCDPSession(page);
  const { frameTree } = await session.send("Page.getFrameTree");
  const { executionContextId: contextId } = await session.send("Page.createIsolatedWorld", { frameId: frameTree.frame.id, worldName: "axe" });
  const run = async (expression) => {
    const { result, exceptionDetails } = await session.send("Runtime.evaluate", { contextId, expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  };
  await run(axeSource + ";0");
  const found = await run(`axe.run({resultTypes: ["violations"]}).then((r) => r.violations.map((v) => ({id: v.id, impact: v.impact, nodes: v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160))})))`);
  check("axe finds nothing serious: " + what, found.every((x) => !["serious", "critical"].includes(x.impact)), found);
  await session.detach();
}

check("the secret is not in the address any more", !page.url().includes("link="), page.url());
await eventually("the fleet is listed", async () => (await page.locator(".row").count()) >= Number(nodes) || (await text()));
await go(page, "#release");
await eventually("the release is on its way, and the numbers move without a reload", async () => {
  const arrived = await text(".stats dd");
  await page.waitForTimeout(1500);
  return arrived !== (await text(".stats dd")) || arrived.startsWith("100 ") || arrived;
}, 120);
await axe("release");
await go(page, "#fleet");
await go(page, await page.locator(".row a").first().getAttribute("href"));
await eventually("a machine that fetches shows its links, with rates and round trips", async () => /\d [µm]s/.test(await text("[aria-label=Links]").catch(() => "")) || (await text()));
await go(page, "#release");
await eventually("every node has it at the end", async () => (await text()).includes("on every node") || (await text()), 180);
const release = await text();
check("the release's page says where the bytes came from", /Source[^\n]*B/.test(release.replaceAll("\n", " ")) && /Peers/.test(release), release);
const drawn = await page.locator("svg.chart path").evaluateAll((paths) => paths.map((path) => path.getAttribute("class")));
check("the curves show complete nodes, and what arrived from the source and from peers", ["line", "layer src", "layer peer"].every((x) => drawn.includes(x)), drawn);

await go(page, "#fleet");
await axe("fleet");
const all = await page.locator(".row").count();
await page.keyboard.press("/");
await page.keyboard.type("node1");
await eventually("the search leaves those that fit", async () => { const left = await page.locator(".row").count(); return (left > 0 && left < all) || left; });
await page.locator("#search").fill("");
await page.locator("[data-act=sort][data-arg=name]").click();
check("a click on a heading sorts", (await page.locator("[role=columnheader][aria-sort]").getAttribute("aria-sort")) === "descending");
await page.locator("#rows").focus();
await page.keyboard.press("ArrowDown");
await page.keyboard.press("Enter");
await eventually("the keyboard opens a machine", async () => /#machine\//.test(page.url()) || page.url());
await page.locator("h1").waitFor();
await axe("machine");
for (const view of ["channels", "models", "health"]) {
  await go(page, "#" + view);
  check(view + " names the model or has its title", (await text()).toLowerCase().includes(view === "health" ? "health" : model), await text());
  await axe(view);
}
await go(page, "#channels/" + model + ":main");
await eventually("a channel shows its history", async () => (await page.locator("table td").count()) > 0 || (await text()));
await go(page, "#models");
await page.locator("main table a").first().click();
await eventually("a version shows its details, and who has it", async () => /Signed by[^]*Machines that have it\s*node1,[^]*source/.test(await text()) || (await text()));
await axe("models, opened");

await page.emulateMedia({ colorScheme: "dark" });
for (const view of ["fleet", "release", "models", "health"]) {
  await go(page, "#" + view);
  await axe(view + " in the dark");
}
await page.setViewportSize({ width: 360, height: 740 });
for (const view of ["fleet", "release", "channels", "models", "health"]) {
  await go(page, "#" + view);
  const wide = await page.evaluate(() => [document.documentElement.scrollWidth, document.querySelector("main").scrollWidth]);
  check(view + " fits into 360 pixels", Math.max(...wide) <= 360, wide);
  await axe(view + " at 360 pixels");
}

check("nothing is asked of anybody else", foreign.length === 0, foreign);
check("no script failed and the policy forbade nothing", errors.length === 0, errors);

// Another site that frames the page, or that sends requests with the session's cookie, gets nothing.
const evil = await page.context().newPage();
await evil.route("http://evil.example/", (route) => route.fulfill({ contentType: "text/html", body: `<iframe src="${origin}/" id="frame"></iframe>` }));
await evil.goto("http://evil.example/");
const framed = await evil.frameLocator("#frame").locator("#main").count();
check("another site cannot frame the page", framed === 0, framed);
const forged = await evil.evaluate((to) => fetch(to + "/session", { method: "DELETE", mode: "no-cors", credentials: "include" }).then((x) => x.type, (e) => String(e)), origin);
check("another site's request is answered with nothing", forged !== "basic", forged);
await page.bringToFront();
await page.setViewportSize({ width: 1440, height: 900 });
await go(page, "#fleet");
check("the session survives it", await page.evaluate(() => fetch("/session").then((x) => x.status)) === 204);
const tab = await page.context().newPage();
await tab.goto(origin);
await tab.locator(".live.on").waitFor();
await page.bringToFront();
await page.locator("#leave").click();
await eventually("signing out ends it", async () => (await text()).includes("signed out") || (await text()));
await eventually("and in other tabs", async () => { const said = await tab.locator("main").innerText(); return said.includes("session has ended") || said; });
check("and the cookie is good for nothing more", await page.evaluate(() => fetch("/session").then((x) => x.status)) === 401);
await page.goto(link);
await eventually("the link opens the page once", async () => (await text()).includes("used before") || (await text()));
await browser.close();
process.exit(failures ? 1 : 0);
