"""The words of the training report and the model card; weather_report fills in the figures."""

REPORT = """# The `weather` generator: training report

Written by `python tools/train_weather.py` (again by `python tools/train_weather.py judge`); do not edit.

Trained in {minutes} minutes ({steps} steps of {batch} pictures of 256 x 144, on a machine of two shared CPU cores;
drawing the scenes took another 4), seed {seed}, on pictures that `tools/weather_*.py` draw and shade themselves: by
day, under clouds, in the evening and at night by lamps; with suns, lamps and windows of up to 50,000 times mid-grey;
and with depth that is right, noisy, guessed or not there. {note}

Its answer is bounded: what is brighter than 3.6 times white is a light, whose channels all move by one factor. Lights
are dimmed, but neither inverted nor turned in hue (`tests/unit/test_weather_network.py`).

{parameters} parameters; {speed} ms at 640 x 360 on one core with onnxruntime.

## {scenes} unseen scenes at {size}

PSNR in dB of sRGB-encoded pictures, clipped to 0..1, squared error pooled over all scenes. Scenes, lights and looks
are seeded; nothing was trained or fitted on them, and they were not in view while the looks were chosen (that was
done on others). The first row: one to three faders uniform in 0..1, the rest 0. The hand-written shader
(`tools/weather_baseline.py`) has the network's inputs, and its {constants} constants were fitted by gradient descent
on training scenes.

{table}

These are the kinds of light of before: clear, overcast, evening. By night, lit by lamps and windows: {nights} dB
(first row's looks). The network by kind of scene (first row's looks): {families}; of these the vistas are new. One
picture in ten is below {worst} dB. Within 4 pixels of a jump in depth {edges} dB, elsewhere {elsewhere} dB: near such
a jump is where a halo would show.

Sheets, plain and then snow, night, fog, dust, rain, fire at 1.0; the network above, the truth below: {sheets}.

## Real pictures

Rooms with measured depth (ICL-NUIM living room, Handa et al., CC BY 3.0; and one stereo photograph, checked but not
shown) and photographs with no depth at all, for which a ground plane and a backdrop are guessed. *Monotone*: the mean
change grows with the fader at 1/4, 1/2, 3/4, 1. *Seams*: by how many code values of 255 the median step of the change
across the borders of the network's cells (of 2, 4, 8 and 16 pixels) exceeds that inside them, worst cell and fader;
less than one cannot be seen.

{photos}

Sheets: [rooms](rooms.jpg) (ICL-NUIM, CC BY 3.0), [plates](plates.jpg) (CC0 and MIT photographs).

As the engine shows them (`tools/weather_plates.py`): the plate, each look at 0.5 and 1.0, then night with snow, night
with rain, fog with fire; as on a wall whose peak is four times white. [The street](looks_street.jpg), which is relit
before the network sees it; [domes](looks_domes.jpg) (Poly Haven, CC0), which have no depth;
[photographs](looks_photographs.jpg) (CC0) with the depth that `plate from-image` guesses.

## What it does not do

- It cannot see what the plate does not show: of a plate that does not know its light, at night those windows are lit
  that show a lamp by day, and no street lamp throws a pool of light.
- Fire has no place: its glow comes from low all round.
- Of a plate that does not know its light, shadows of a hard sun do not vanish wholly under fog, rain or snow.
- Snow and wet ground need depth: on a photograph with a guessed depth they follow the guess.
- Between white and 3.6 times white, where a thing passes into a light, a saturated red can come out a third darker at
  night than a duller one.
"""

CARD = """# Model card: weather

Turns a plain picture of a world with depth into the same view with snow, night, fog, dust, rain and fire glow, each a
fader 0..1. The embedded generator of vpengine.

- **Files**: `weather.onnx` (opset 17, {onnx_bytes} bytes, sha256 `{onnx_sha256}`) and `weather.safetensors` (the same
  weights, sha256 `{safetensors_sha256}`)
- **Inputs**: `color` float32 [1,3,H,W] ACEScct of scene-linear ACEScg; `inverse_depth` [1,1,H,W] in 1/m, 0 for sky;
  `noise` [1,1,H,W] world-anchored detail noise 0..1; `look` [1,6] {looks}. H and W are multiples of 8.
- **Outputs**: `gain`, `bias` [1,3,H,W]; the changed picture is gain * color + bias in ACEScct. With all faders at 0 it
  is the picture itself, exactly. What is brighter than 3.6 times white moves by one factor in all channels.
- **Network**: {parameters} parameters, a U-Net at 1/2 to 1/16 of the size (`tools/weather_network.py`);
  {speed} ms at 640 x 360 on one core.
- **Data**: only pictures that this project draws (`tools/weather_scenes.py`, `tools/weather_shade.py`), seed {seed}; no
  photograph, no other model, no other person's work was trained on.
- **Training**: `python tools/train_weather.py --seed {seed}`, {steps} steps, {minutes} minutes on a machine of two CPU
  cores; code: {code}. {note}
- **Figures** ({scenes} scenes that were neither trained on nor in view while the looks were chosen; one to three
  faders uniform, pooled PSNR of sRGB-encoded pictures): network {network} dB,
  hand-written shader with the same inputs {shader} dB, doing nothing {identity} dB. Each fader at 1.0:
  {faders} dB. More in docs/weather/report.md.
- **Known limits**: where a plate is not relit, no cast light from street lamps, and hard sun shadows do not vanish
  wholly; fire has no place;
  with a guessed depth, snow and wet ground follow the guess;
  trained at pixel scales of pictures 320 to 640 wide.
- **Licence**: Apache-2.0, as the rest of vpengine.
"""
