// Subscribes with the npm packages osc and node-osc, and answers what it is told: when snow comes at 0.75 it presses
// GO, when a cue runs it unsubscribes and ends, with all that it heard as JSON: [[address, value], ...].
// node osc_subscribers.cjs <osc|node-osc> <control port>
const [, , library, control] = process.argv;
const port = Number(control);
const heard = [];

function hear(address, value, press, end) {
  heard.push([address, value]);
  if (address === "/vp/look/snow" && value === 0.75) press("/vp/cue/go", 1);
  if (address === "/vp/state/cue" && value !== "") {
    press("/vp/unsubscribe");
    console.log(JSON.stringify(heard));
    setTimeout(end, 50);  // once the last packet is out
  }
}

// One port, which sends and receives.
function withOsc() {
  const osc = require("osc");
  const both = new osc.UDPPort({ localPort: 0, remotePort: port });
  const press = (address, ...args) => both.send({ address, args });
  both.on("message", (message) => hear(message.address, message.args[0], press, () => both.close()));
  both.on("error", (error) => { throw error; });
  both.on("ready", () => press("/vp/subscribe"));
  both.open();
}

// Two ports, as its own examples have it: the client says on which one the server listens.
function withNodeOsc() {
  const { Client, Server } = require("node-osc");
  const client = new Client("127.0.0.1", port);
  const press = (address, ...args) => client.send([address, ...args], (error) => { if (error) throw error; });
  const server = new Server(0, "127.0.0.1", () => press("/vp/subscribe", server.port));
  const end = () => { server.close(); client.close(); };
  const unsubscribing = (address, ...args) =>
    press(address, ...(address === "/vp/unsubscribe" ? [server.port] : args));
  server.on("message", ([address, value]) => hear(address, value, unsubscribing, end));
  server.on("bundle", (bundle) => {
    for (const [address, value] of bundle.elements) hear(address, value, unsubscribing, end);
  });
}

library === "osc" ? withOsc() : withNodeOsc();
