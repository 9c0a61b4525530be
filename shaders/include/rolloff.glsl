// A wall's highlight roll-off, hue kept; light in times the panel's peak, in its Rec.709 primaries. Sources and the numpy
// twin: vpengine/view/rolloff.py. On llvmpipe every pixel pays for a branch, taken or not: hence so few divisions.
const mat3 LMS_FROM_REC709 = mat3(
    0.4122214708, 0.2119034982, 0.0883024619,
    0.5363325363, 0.6806995451, 0.2817188376,
    0.0514459929, 0.1073969566, 0.6299787005);  // column by column
const mat3 REC709_FROM_LMS = mat3(
    4.0767416613, -1.2684380041, -0.0041960865,
    -3.3077115904, 2.6097574007, -0.7034186145,
    0.2309699287, -0.3413193963, 1.7076147009);  // column by column
const vec3 LIGHTNESS = vec3(0.2104542553, 0.7936177850, -0.0040720468);
const float INWARD = 2.5;

float highest(vec3 rgb) {
    return max(max(rgb.r, rgb.g), rgb.b);
}

float lowest(vec3 rgb) {
    return min(min(rgb.r, rgb.g), rgb.b);
}

// As it is, what is neither above the knee nor out of gamut.
vec3 rolled_off(vec3 rgb) {
    float high = highest(rgb), low = lowest(rgb);
    if (!(high > 0.0 && (high > knee || low < -outside * high))) return rgb;
    high = min(high, 65504.0);
    float over = max(min(high, peak_reached) - knee, 0.0);
    float bend = 1.0 + over * shoulder.y;
    float share = 1.0 / (high * bend);  // one division for two
    float peak = min(high, knee) + over * (1.0 + over * shoulder.x) * (share * high);
    float whiter = 1.0 + whitening * (high - peak);
    rgb = min(rgb, 65504.0) * (share * bend);
    vec3 cones = sqrt(sqrt(0.25 + 2.0 * max(LMS_FROM_REC709 * rgb, 0.0)) - 0.5);
    float grey = dot(cones, LIGHTNESS);
    float whole = 0.5 * grey * grey * (1.0 + grey * grey);
    float less = whole - INWARD * min(low * (share * bend), 0.0);
    float both = 1.0 / (whiter * less);
    cones = 1.0 + (grey - 1.0) * (less * both) + (cones - grey) * (whole * both);
    cones *= cones;
    rgb = REC709_FROM_LMS * (cones * (0.5 + 0.5 * cones));
    return rgb * (peak / max(highest(rgb), 1.0));
}
