// A client of `bpdebug dap`, made of the protocol's own test support; it keeps every message that comes.
const { DebugClient } = require("@vscode/debugadapter-testsupport");
const { spawn } = require("node:child_process");

class Client extends DebugClient {
  constructor(bpdebug) {
    super(bpdebug, "dap", "bpdebug", undefined, true);
    this.defaultTimeout = 60000;
    this.messages = [];
  }

  // What the adapter sends goes through here.
  dispatch(body) {
    this.messages.push(JSON.parse(body));
    super.dispatch(body);
  }

  // Opens a program as an editor does, and waits for its first stop.
  async open(program, { before = async () => {}, launch = {}, client = {} } = {}) {
    const counted = { linesStartAt1: true, columnsStartAt1: true, pathFormat: "path" };
    this.can = (await this.initializeRequest({ adapterID: "bpdebug", ...counted, ...client })).body;
    const initialized = this.waitForEvent("initialized");
    const launched = this.launchRequest({ program, ...launch });
    await Promise.race([initialized, launched]); // a launch that is refused rejects
    await before(this);
    return this.stop_after(async () => {
      await this.configurationDoneRequest();
      await launched;
    });
  }

  // Where the session stands once something moved it.
  async stop_after(move) {
    const stopped = this.waitForEvent("stopped");
    await move();
    return (await stopped).body;
  }

  go(request, more = {}) {
    return this.stop_after(() => this.send(request, { threadId: 1, ...more }));
  }

  async ask(request, more = {}) {
    return (await this.send(request, more)).body;
  }

  async frames() {
    return (await this.ask("stackTrace", { threadId: 1 })).stackFrames;
  }

  outputs() {
    return this.messages.filter((m) => m.event === "output").map((m) => m.body.output).join("");
  }
}

// `bpdebug dap --port 0`, and the port that it took.
function served(bpdebug) {
  const server = spawn(bpdebug, ["dap", "--port", "0"], { stdio: ["ignore", "ignore", "pipe"] });
  process.on("exit", () => server.kill());
  return new Promise((resolve, reject) => {
    server.on("error", reject);
    server.stderr.on("data", (data) => resolve(Number(/:(\d+)/.exec(data)[1])));
  });
}

// Runs a conversation whose result is printed as JSON; whatever fails is told, with the exit code 1.
function main(talk) {
  talk().then(
    (result) => process.stdout.write(JSON.stringify(result), () => process.exit(0)),
    (error) => process.stderr.write(`${error.stack}\n`, () => process.exit(1)),
  );
}

module.exports = { Client, served, main };
