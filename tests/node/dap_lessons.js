// dap_lessons.js BPDEBUG < {"port": [LESSON...], "stdio": [LESSON...]}
// Every lesson by the buttons of an editor, to its end and back, by events and by parts of rules: where each stop is.
const { Client, served, main } = require("./dap_client");

const [bpdebug] = process.argv.slice(2);
const WALKS = [["stepIn", "statement"], ["stepBack", "statement"], ["stepIn", "instruction"], ["stepBack", "instruction"]];

async function walked(client, program) {
  const stops = [];
  const here = async (stop) => {
    const [frame] = await client.frames();
    stops.push([stop.reason, stop.description ?? "", frame.name, frame.line, frame.source.path ?? ""]);
    return stop;
  };
  await here(await client.open(program));
  for (const [request, granularity] of WALKS) {
    while (!(await here(await client.go(request, { granularity }))).description);
  }
  await client.stop();
  return stops;
}

main(async () => {
  const wanted = JSON.parse(require("node:fs").readFileSync(0, "utf-8"));
  const port = await served(bpdebug);
  const found = { port: {}, stdio: {} };
  for (const [way, given] of [["port", port], ["stdio", undefined]]) {
    for (const name of wanted[way]) {
      const client = new Client(bpdebug);
      await client.start(given);
      found[way][name] = await walked(client, name);
    }
  }
  return found;
});
