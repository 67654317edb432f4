// A page of `bpdebug export html` in Chromium: one browser for all cases, which are on standard input.
const { chromium } = require("playwright-core");
const axe = require("fs").readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const ARGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync"];

// In the page: what is seen at a stop, word by word, but for the sums; what is too wide counts.
function inPage() {
  window.words = () => {
    const walker = document.createTreeWalker(document.getElementById("stop"), NodeFilter.SHOW_TEXT), found = [];
    while (walker.nextNode()) {
      const node = walker.currentNode, math = node.parentElement.closest("math");
      if (node.parentElement.closest(".sum") || (math && math.seen === found)) continue;
      if (math) math.seen = found;
      found.push(...(math ? math.getAttribute("alttext") : node.data).split(/\s+/).filter(Boolean));
    }
    return found;
  };
  window.press = (key) => document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  window.place = () => document.getElementById("place").textContent;
  window.walkTo = (key) => {
    const found = [];
    for (let before = ""; before !== place(); press(key)) {
      before = place();
      found.push([before, words(), document.documentElement.scrollWidth]);
    }
    return found;
  };
  window.everyCell = () => [...document.querySelectorAll("#stop figure")].map((figure) => {
    const cells = [...figure.querySelectorAll("td")].filter((td) => td.textContent);
    return cells.map((cell) => {
      cell.click();
      const lit = [...document.querySelectorAll("#stop figure")].map((other) =>
        [...other.querySelectorAll("td")].filter((td) => td.textContent)
          .flatMap((td, n) => td.classList.contains("lit") || td.classList.contains("here") ? [n] : []));
      return [lit, [...document.querySelectorAll(".sum")].map((p) => p.textContent)];
    });
  });
}

async function opened(browser, file, options) {
  const context = await browser.newContext({ viewport: { width: 1200, height: 900 }, ...options });
  const page = await context.newPage(), said = [], requests = [];
  page.on("console", (message) => said.push(message.text()));
  page.on("pageerror", (error) => said.push(error.message));
  page.on("request", (request) => requests.push(request.url()));
  await page.addInitScript(inPage);
  await page.goto(`file://${file}`);
  return { page, context, said, requests };
}

const CASES = {
  async walk(browser, { file, keys }) {
    const { page, context, said, requests } = await opened(browser, file, { viewport: { width: 390, height: 800 } });
    await page.waitForSelector("#stop h2");
    const walks = [];
    for (const key of keys) walks.push(await page.evaluate((k) => walkTo(k), key));
    const lang = await page.getAttribute("html", "lang");
    await context.close();
    return { walks, said, requests: requests.length, lang };
  },
  async cells(browser, { file, stops }) {
    const { page, context } = await opened(browser, file);
    await page.waitForSelector("#stop h2");
    const found = await page.evaluate((count) => [...Array(count).keys()].map((n) => {
      if (n) press("i");
      return everyCell();
    }), stops);
    await context.close();
    return found;
  },
  async typed(browser, { file, keys }) {
    const { page, context } = await opened(browser, file);
    await page.waitForSelector("#stop h2");
    const places = [];
    for (const key of keys) {
      await page.keyboard.press(key);
      await page.waitForFunction(() => location.hash === `#${place().split(" / ")[0]}`);
      places.push(await page.evaluate(() => [place(), location.hash, document.getElementById("said").textContent]));
    }
    await context.close();
    return places;
  },
  async early(browser, { file, keys }) {
    const context = await browser.newContext(), page = await context.newPage();
    await page.addInitScript(inPage);
    await page.addInitScript((early) => addEventListener("DOMContentLoaded", () => [...early].forEach((k) => press(k))), keys);
    await page.goto(`file://${file}`);
    await page.waitForSelector("#stop h2");
    const place = await page.evaluate(() => place());
    await context.close();
    return place;
  },
  async axe(browser, { file, scheme, hash }) {
    const { page, context } = await opened(browser, `${file}#${hash}`, { colorScheme: scheme, bypassCSP: true });
    await page.waitForSelector("#stop h2");
    await page.evaluate(axe);
    const { violations, passes } = await page.evaluate(() => window.axe.run());
    await context.close();
    return { violations: violations.map((v) => [v.id, ...v.nodes.map((n) => n.html)]), passes: passes.map((p) => p.id) };
  },
  async paper(browser, { file }) {
    const { page, context } = await opened(browser, file);
    await page.waitForSelector("#stop h2");
    const pdf = await page.pdf();
    await page.emulateMedia({ media: "print" });
    const shown = await page.evaluate(() => getComputedStyle(document.querySelector("nav")).display);
    await context.close();
    return { begins: pdf.subarray(0, 5).toString(), nav: shown };
  },
  async still(browser, { file }) {
    const { page, context, said } = await opened(browser, file, { javaScriptEnabled: false });
    const titles = await page.locator("main details summary").allTextContents();
    const first = page.locator("main details").first();
    await first.locator("summary").click();
    const seen = await first.locator("figure").first().isVisible();
    await context.close();
    return { titles, seen, said };
  },
  // The front of the live widget, with a notebook's model played by three lines.
  async live(browser, { script, shown }) {
    const context = await browser.newContext(), page = await context.newPage();
    const found = await page.evaluate(async ([code, html]) => {
      const { default: { render } } = await import(`data:text/javascript;base64,${btoa(code)}`);
      const sent = [], heard = {}, state = { shown: html, label: "a line" };
      const model = { get: (name) => state[name], on: (name, f) => { heard[name] = f; }, send: (line) => sent.push(line) };
      render({ model, el: document.body });
      for (const key of ["s", "S", "End", "x"]) {
        document.querySelector("[tabindex]").dispatchEvent(new KeyboardEvent("keydown", { key }));
      }
      document.querySelectorAll("button")[3].click();
      const input = document.querySelector("input");
      input.value = "print dW";
      input.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter" }));
      const before = document.querySelector("h4").textContent;
      state.shown = "<h4>another</h4>";
      heard["change:shown"]();
      return { sent, before, after: document.querySelector("h4").textContent };
    }, [unescape(encodeURIComponent(require("fs").readFileSync(script, "utf8"))), shown]);
    await context.close();
    return found;
  },
  async framed(browser, { file }) {
    const { page, context, said } = await opened(browser, file);
    const frame = page.frameLocator("iframe");
    await frame.locator("#stop h2").waitFor();
    await frame.locator("#step").click();
    await page.keyboard.press("s");
    const title = await frame.locator("#stop h2").textContent();
    await context.close();
    return { title, said };
  },
};

(async () => {
  const cases = JSON.parse(require("fs").readFileSync(0, "utf8"));
  const browser = await chromium.launch({ executablePath: process.argv[2], args: ARGS });
  const found = [];
  for (const { kind, ...wanted } of cases) found.push(await CASES[kind](browser, wanted));
  await browser.close();
  process.stdout.write(JSON.stringify(found));
})().catch((error) => { process.stderr.write(`${error.stack}\n`); process.exit(1); });
