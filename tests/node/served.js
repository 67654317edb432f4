// served.js CHROMIUM ADDRESS: steps through `bpdebug serve transpose` and leaves; prints what the page was and asked for.
const { chromium } = require("playwright-core");

const [executablePath, address] = process.argv.slice(2);
const ARGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync"];

(async () => {
  const browser = await chromium.launch({ executablePath, args: ARGS });
  const page = await browser.newPage({ viewport: { width: 1200, height: 800 } });
  const found = { wrong: [], foreign: [] };
  page.on("pageerror", (error) => found.wrong.push(error.message));
  page.on("console", (said) => said.type() === "error" && found.wrong.push(said.text()));
  page.on("request", (asked) => {
    const own = [address, "data:", "blob:"].some((begin) => asked.url().startsWith(begin));
    if (!own) found.foreign.push(asked.url());
  });
  let seen = ""; // the terminal is a canvas: what comes to it is looked at
  page.on("websocket", (socket) => socket.on("framereceived", ({ payload }) => (seen += payload.toString("utf-8"))));
  const until = async (words) => {
    const plain = () => seen.replace(/\x1b\[[0-9;?]*[A-Za-z]/g, "");
    for (const end = Date.now() + 60000; !plain().includes(words); await page.waitForTimeout(50)) {
      if (Date.now() > end) throw new Error(`nothing said '${words}'`);
    }
    seen = "";
  };
  await page.goto(address);
  await until("0/3");
  found.title = await page.title();
  await page.keyboard.press("s");
  await until("1/3");
  const wrong = [...found.wrong]; // once it is gone, xterm.js still says that the keys are another's, and is told off
  await page.keyboard.press("q");
  await page.waitForSelector("body.-closed [role=status]", { timeout: 60000 });
  found.ended = await page.innerText("[role=status]");
  await browser.close();
  console.log(JSON.stringify({ ...found, wrong }));
})().catch((error) => {
  console.error(error.stack);
  process.exit(1);
});
