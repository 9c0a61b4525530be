// Sends a pose, a scene and a fader with the npm packages osc and node-osc: peers that share no code with the engine.
// node osc_senders.cjs <osc|node-osc> <tracking port> <control port>
const [, , library, tracking, control] = process.argv;
const pose = [1, -2, 1.5, 0, 0, 0.6, 0.8];
const messages = [
  [tracking, "/vp/camera/1/pose", pose],
  [control, "/vp/scene", ["snow-night"]],
  [control, "/vp/look/snow", [0.75]],
];

function withOsc() {
  const osc = require("osc");
  const socket = require("dgram").createSocket("udp4");
  const tagged = (value) => ({ type: typeof value === "string" ? "s" : "f", value });
  let left = messages.length;
  for (const [port, address, values] of messages) {
    const bundle = { timeTag: osc.timeTag(60), packets: [{ address, args: values.map(tagged) }] };
    const bytes = Buffer.from(osc.writePacket(bundle, { metadata: true }));
    socket.send(bytes, Number(port), "127.0.0.1", () => --left || socket.close());
  }
}

async function withNodeOsc() {
  const { Client, Message } = require("node-osc");
  for (const [port, address, values] of messages) {
    const client = new Client("127.0.0.1", Number(port));
    const message = new Message(address);
    for (const value of values) message.append(typeof value === "string" ? value : { type: "float", value });
    await new Promise((done) => client.send(message, () => client.close(done)));
  }
}

library === "osc" ? withOsc() : withNodeOsc();
