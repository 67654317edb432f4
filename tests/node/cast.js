// cast.js CHROMIUM FILE.cast... : each is played by asciinema-player; prints its duration, its markers, and the words and
// colours of the screen at its end and at each marker.
const fs = require("node:fs");
const path = require("node:path");
const { chromium } = require("playwright-core");
const bundle = path.join(__dirname, "node_modules", "asciinema-player", "dist", "bundle");

const [executablePath, ...files] = process.argv.slice(2);

async function played(browser, file) {
  const data = fs.readFileSync(file, "utf-8");
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  const wrong = [];
  page.on("pageerror", (error) => wrong.push(error.message));
  page.on("console", (said) => said.type() === "error" && wrong.push(said.text()));
  await page.setContent("<!doctype html><div id=player></div>");
  await page.addStyleTag({ path: path.join(bundle, "asciinema-player.css") });
  await page.addScriptTag({ path: path.join(bundle, "asciinema-player.min.js") });
  const found = await page.evaluate(async ({ data, count }) => {
    const seen = { markers: [], screens: [] };
    const player = AsciinemaPlayer.create({ data }, document.getElementById("player"), { preload: true, speed: 50 });
    player.addEventListener("marker", (marker) => seen.markers.push([marker.time, marker.label]));
    const ended = new Promise((resolve) => player.addEventListener("ended", resolve));
    const spans = (row) => [...row.querySelectorAll("span")].filter((span) => !span.children.length);
    const drawn = (span) => [span.textContent, getComputedStyle(span).color];
    const rows = () => [...document.querySelectorAll(".ap-line")].map((row) => spans(row).map(drawn));
    const text = () => new Promise((resolve) => { // once the terminal is drawn
      setTimeout(() => requestAnimationFrame(() => resolve(rows())), 200);
    });
    await player.play();
    await ended;
    seen.duration = await player.getDuration();
    seen.last = await text();
    for (let marker = 0; marker < count; marker++) {
      await player.seek({ marker });
      seen.screens.push([await player.getCurrentTime(), await text()]);
    }
    return seen;
  }, { data, count: data.split('"m"').length - 1 });
  if (process.env.BPDEBUG_PICTURES) {
    await page.screenshot({ path: path.join(process.env.BPDEBUG_PICTURES, `${path.basename(file)}.png`) });
  }
  await page.close();
  return { ...found, wrong };
}

(async () => {
  const args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"];
  const browser = await chromium.launch({ executablePath, args });
  const found = [];
  for (const file of files) found.push(await played(browser, file));
  await browser.close();
  console.log(JSON.stringify(found));
})().catch((error) => {
  console.error(error.stack);
  process.exit(1);
});
