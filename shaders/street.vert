// The street's vertices. What of the light reaches each was worked out at load; what depends on the eye (mirror, haze)
// is worked out here too, for a software driver pays for every operation at every pixel. SUNLESS: what faces away from
// the sun, or all where it does not shine. LAMPS: the street lamps are on.
in vec3 in_position;
in vec3 in_normal;
in vec3 in_texture;
in vec3 in_albedo; // less what small things around hide
in vec3 in_sun;
in vec4 in_surface; // a lamp behind the glass; a wire's radius in metres; a window's turn to be lit; a shop's light
in vec4 in_sky; // the sky's share of the light; street lamps': what reaches it, whether the map has that, its own

out vec3 v_texture;
centroid out vec3 v_ambient;  // light is taken within the triangle: beside a wire's edge it would run off below nought
#ifndef SUNLESS
centroid out vec3 v_sun;
out vec3 v_shadow;
#endif
#ifdef LAMPS
centroid out vec3 v_pool;
out vec2 v_pool_at;
centroid out vec3 v_far_window;
#endif
centroid out vec3 v_mirror;
centroid out vec3 v_haze;

// What a mirrored ray meets: the facade across the street, or over its eaves the sky.
vec3 mirrored(vec3 from, vec3 ray) {
    float across = sign(ray.x) * 8.2 - from.x;
    float steps = clamp(across / (abs(ray.x) < 1e-3 ? 1e-3 : ray.x), 0.0, 200.0);
    float over = clamp((from.z + ray.z * steps - 13.0) * 0.2, 0.0, 1.0) * step(0.0, ray.z);
    vec3 sky = mix(sky_horizon, sky_zenith, clamp(ray.z * 1.4, 0.0, 1.0));
    return mix(ray.x > 0.0 ? facade_right : facade_left, sky, over);
}

void main() {
    vec3 from_eye = in_position - eye_m;
    float depth = dot(clip_from_stage_w, vec4(in_position, 1.0));
    // A wire thinner than a pixel is drawn a pixel wide.
    float swell = in_surface.y > 0.0 ? max(0.0, 0.6 * pixel_angle * depth - in_surface.y) : 0.0;
    gl_Position = clip_from_stage * vec4(in_position + in_normal * swell, 1.0);

    float distance_m = length(from_eye);
    vec3 ray = from_eye / max(distance_m, 1e-4);
    float facing = dot(ray, in_normal);
    float grazing = 1.0 - abs(facing);
    float grazing2 = grazing * grazing;
    float fresnel = 0.07 + 0.93 * grazing2 * grazing2 * grazing;
    float clear = exp(-distance_m * haze_density);

    v_texture = in_texture;
    vec3 ambient = in_albedo * mix(street_light, sky_light, in_sky.x) + in_surface.w * shop_light;
    float behind = in_surface.x;
#ifdef LAMPS
    float lit = clamp((windows - in_surface.z) * 50.0, 0.0, 1.0);
    behind = max(behind, lit * (0.45 + 0.55 * fract(in_surface.z * 173.0)));
    ambient += in_albedo * lamp_light * in_sky.y + lit * behind * window_light;
    v_pool = 2.0 * clear * in_albedo * lamp_light * in_sky.z;
    v_pool_at = in_position.xy * lamp_map_scale.xy + lamp_map_scale.zw;
    v_far_window = clear * window_light;
#endif
    v_ambient = 2.0 * clear * ambient;
#ifndef SUNLESS
    v_sun = 2.0 * clear * sun_share * in_sun;
    v_shadow = (sun_map_from_stage * vec4(in_position + in_normal * 0.06, 1.0)).xyz;
#endif
    v_mirror = clear * (fresnel * mirrored(in_position, ray - 2.0 * facing * in_normal) + behind * lamp_color);
#ifdef LAMPS
    v_mirror += clear * in_sky.w * lamp_light;
#endif
    v_haze = (1.0 - clear) * haze_color;
}
