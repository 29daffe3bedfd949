/* Which axes of an array are a volume, and which time points and channels of it are taken. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "tile/volume.h"

enum {
    Z = 0,
    Y = 1,
    X = 2
};

/* ---- axes ---------------------------------------------------------------- */

/*
 * Finds z, y and x: by name, else the last spatial or unnamed axes in their order.
 */
static void find_space(struct pw_volume *volume, const struct pw_image_info *info)
{
    static const char *const name[3] = {"z", "y", "x"};
    for (int i = 0; i < 3; i++) {
        volume->axis[i] = -1;
        for (int a = 0; a < info->rank; a++)
            if (strcmp(info->axis[a].name, name[i]) == 0)
                volume->axis[i] = a;
    }
    if (volume->axis[Y] >= 0 && volume->axis[X] >= 0)
        return;
    int next = X;
    for (int i = 0; i < 3; i++)
        volume->axis[i] = -1;
    for (int a = info->rank - 1; a >= 0 && next >= Z; a--)
        if (info->axis[a].kind == 's' || info->axis[a].kind == '?')
            volume->axis[next--] = a;
}

static int is_space_axis(const struct pw_volume *volume, int a)
{
    return a == volume->axis[Z] || a == volume->axis[Y] || a == volume->axis[X];
}

static void take_space(struct pw_volume *volume, const struct pw_image_info *info)
{
    static const char name[3] = {'z', 'y', 'x'};
    volume->rank = volume->axis[Z] >= 0 ? 3 : 2;
    for (int i = 0; i < 3; i++) {
        int a = volume->axis[i];
        volume->shape[i] = a >= 0 ? info->shape[a] : 1;
        volume->chunk[i] = a >= 0 ? info->chunk[a] : 1;
        if (a >= 0)
            volume->space[i] = info->axis[a];
        else
            volume->space[i].scale = 1.0;
        volume->space[i].kind = 's';
        memset(volume->space[i].name, 0, sizeof volume->space[i].name);
        volume->space[i].name[0] = name[i];
    }
}

/* The other axes: one of time, any number of channels, and no more. */
static enum pw_status check_others(struct pw_volume *volume, struct pw_error *error)
{
    const struct pw_image_info *info = &volume->source->info;
    const char *path = volume->source->path;
    uint64_t n = 1;
    volume->time_axis = -1;
    for (int a = 0; a < info->rank; a++) {
        if (info->shape[a] == 0)
            return pw_fail(error, PW_E_ARGUMENT, "%s: the image has no voxel: its axis %d has 0 entries", path, a);
        if (is_space_axis(volume, a))
            continue;
        if (info->axis[a].kind == 't' && volume->time_axis >= 0 && info->shape[a] > 1)
            return pw_fail(error, PW_E_UNSUPPORTED, "%s: axes %d and %d are both time", path, volume->time_axis, a);
        if (info->axis[a].kind == 't' && (volume->time_axis < 0 || info->shape[a] > 1))
            volume->time_axis = a;
        else if (info->axis[a].kind == 'c' && !pw_mul_u64(n, info->shape[a], &n))
            n = UINT64_MAX;
        else if (info->axis[a].kind != 't' && info->axis[a].kind != 'c' && info->shape[a] > 1)
            return pw_fail(error, PW_E_UNSUPPORTED,
                           "%s: axis %d (%s) is neither space, time nor channel; name the axes with --axes", path, a,
                           info->axis[a].name);
    }
    volume->image_channels = n;
    return PW_OK;
}

enum pw_status pw_volume_init_space(struct pw_volume *volume, struct pw_source *source, struct pw_error *error)
{
    const struct pw_image_info *info = &source->info;
    memset(volume, 0, sizeof *volume);
    volume->source = source;
    volume->voxel_bytes = pw_dtype_bytes(info->dtype);
    volume->times = 1;
    volume->n_channels = 1;
    find_space(volume, info);
    if (volume->axis[Y] < 0 || volume->axis[X] < 0)
        return pw_fail(error, PW_E_UNSUPPORTED, "%s: %d axes, of which y and x cannot be told; an image has at least 2",
                       source->path, info->rank);
    take_space(volume, info);
    return check_others(volume, error);
}

/* ---- time ------------------------------------------------------------------ */

uint64_t pw_volume_image_times(const struct pw_volume *volume)
{
    return volume->time_axis >= 0 ? volume->source->info.shape[volume->time_axis] : 1;
}

enum pw_status pw_volume_choose_time(struct pw_volume *volume, int64_t time, uint64_t n_times, struct pw_error *error)
{
    const struct pw_image_info *info = &volume->source->info;
    const char *path = volume->source->path;
    int a = volume->time_axis;
    uint64_t n = pw_volume_image_times(volume);
    uint64_t first = time < 0 ? 0 : (uint64_t)time;
    if (a < 0 && first > 0)
        return pw_fail(error, PW_E_ARGUMENT, "--time %lld: %s has no time axis", (long long)time, path);
    if (first >= n)
        return pw_fail(error, PW_E_ARGUMENT, "--time %lld: %s has %llu (0..%llu)", (long long)time, path,
                       (unsigned long long)n, (unsigned long long)(n - 1));
    if (n_times != PW_TIMES_ALL && n_times > n - first)
        return pw_fail(error, PW_E_ARGUMENT, "--time %llu:%llu: %s has %llu time points (0..%llu)",
                       (unsigned long long)first, (unsigned long long)(first + n_times), path, (unsigned long long)n,
                       (unsigned long long)(n - 1));
    volume->first_time = first;
    volume->times = n_times == PW_TIMES_ALL || (time < 0 && n_times == 0) ? n - first : n_times == 0 ? 1 : n_times;
    volume->keeps_time = a >= 0 && (n_times != 0 || volume->times > 1);
    if (a < 0)
        return PW_OK;
    volume->time = info->axis[a];
    volume->time.kind = 't';
    (void)snprintf(volume->time.name, sizeof volume->time.name, "t");
    volume->time.translation += (double)first * volume->time.scale;
    return PW_OK;
}

/* ---- channels -------------------------------------------------------------- */

/* "; they are DAPI, GFP" for a message, or nothing. */
static void append_names(const struct pw_image_info *info, char *text, size_t capacity)
{
    int n = snprintf(text, capacity, "; they are ");
    text[info->n_channel_names > 0 ? n : 0] = '\0';
    if (info->n_channel_names > 0)
        pw_names_list(info->channel_names, info->n_channel_names, text + n, capacity - (size_t)n);
}

static enum pw_status too_large(const struct pw_volume *volume, const char *text, struct pw_error *error)
{
    char names[300];
    append_names(&volume->source->info, names, sizeof names);
    if (volume->image_channels == 1)
        return pw_fail(error, PW_E_ARGUMENT, "--channel %s: %s has no channel axis", text, volume->source->path);
    return pw_fail(error, PW_E_ARGUMENT, "--channel %s: %s has %llu (0..%llu)%s", text, volume->source->path,
                   (unsigned long long)volume->image_channels, (unsigned long long)(volume->image_channels - 1), names);
}

enum pw_status pw_volume_choose_channels(struct pw_volume *volume, const uint64_t *channel, uint32_t n,
                                         struct pw_error *error)
{
    char text[24];
    if (n > PW_VOLUME_CHANNELS_MAX)
        return pw_fail(error, PW_E_UNSUPPORTED, "%s: %u channels at once, at most %d are", volume->source->path, n,
                       PW_VOLUME_CHANNELS_MAX);
    for (uint32_t i = 0; i < n; i++) {
        (void)snprintf(text, sizeof text, "%llu", (unsigned long long)channel[i]);
        if (channel[i] >= volume->image_channels)
            return too_large(volume, text, error);
        volume->channel[i] = channel[i];
    }
    volume->n_channels = n;
    return PW_OK;
}

enum pw_status pw_volume_no_channel(const struct pw_volume *volume, struct pw_error *error)
{
    const struct pw_image_info *info = &volume->source->info;
    char names[300];
    append_names(info, names, sizeof names);
    return pw_fail(error, PW_E_ARGUMENT, "%s: has %llu channels; choose one with --channel 0..%llu%s",
                   volume->source->path, (unsigned long long)volume->image_channels,
                   (unsigned long long)(volume->image_channels - 1), names);
}

/* One number or name of n bytes. */
static enum pw_status find_channel(const struct pw_volume *volume, const char *text, size_t n, uint64_t *channel,
                                   struct pw_error *error)
{
    const struct pw_image_info *info = &volume->source->info;
    char word[PW_NAME_MAX], names[300], *end;
    int found = 0;
    (void)snprintf(word, sizeof word, "%.*s", (int)(n < sizeof word ? n : sizeof word - 1), text);
    if (word[0] >= '0' && word[0] <= '9' && strspn(word, "0123456789") == strlen(word) && strlen(word) < 19) {
        *channel = strtoull(word, &end, 10);
        return PW_OK;
    }
    for (int i = 0; i < info->n_channel_names; i++)
        if (strcmp(info->channel_names[i], word) == 0) {
            *channel = (uint64_t)i;
            found++;
        }
    append_names(info, names, sizeof names);
    if (found > 1)
        return pw_fail(error, PW_E_ARGUMENT, "--channel %s: %d channels of %s have this name; give its number", word,
                       found, volume->source->path);
    if (found == 0)
        return pw_fail(error, PW_E_ARGUMENT, "--channel %s: %s has no channel of this name%s%s", word,
                       volume->source->path, names,
                       info->n_channel_names == 0 ? "; its channels have no names, give numbers" : "");
    return PW_OK;
}

enum pw_status pw_volume_parse_channels(const struct pw_volume *volume, const char *text,
                                        uint64_t channel[PW_VOLUME_CHANNELS_MAX], uint32_t *n, struct pw_error *error)
{
    const struct pw_image_info *info = &volume->source->info;
    *n = 0;
    if (strcmp(text, "all") == 0) {
        if (volume->image_channels > PW_VOLUME_CHANNELS_MAX)
            return pw_fail(error, PW_E_UNSUPPORTED, "%s: %llu channels at once, at most %d are", volume->source->path,
                           (unsigned long long)volume->image_channels, PW_VOLUME_CHANNELS_MAX);
        for (; *n < volume->image_channels; (*n)++)
            channel[*n] = *n;
        return PW_OK;
    }
    /* A name may have a comma in it. */
    if (pw_names_find(info->channel_names, info->n_channel_names, text) >= 0) {
        *n = 1;
        return find_channel(volume, text, strlen(text), channel, error);
    }
    for (const char *p = text;; p++) {
        size_t length = strcspn(p, ",");
        if (length == 0 || *n == PW_VOLUME_CHANNELS_MAX)
            return pw_fail(error, PW_E_ARGUMENT, "--channel %s: not numbers or names with commas between them, or all",
                           text);
        enum pw_status status = find_channel(volume, p, length, &channel[(*n)++], error);
        if (status != PW_OK)
            return status;
        p += length;
        if (*p == '\0')
            return PW_OK;
    }
}

enum pw_status pw_volume_init(struct pw_volume *volume, struct pw_source *source, int64_t time, int64_t channel,
                              struct pw_error *error)
{
    return pw_volume_init_times(volume, source, time, 0, channel, error);
}

enum pw_status pw_volume_init_times(struct pw_volume *volume, struct pw_source *source, int64_t time, uint64_t n_times,
                                    int64_t channel, struct pw_error *error)
{
    enum pw_status status = pw_volume_init_space(volume, source, error);
    if (status == PW_OK)
        status = pw_volume_choose_time(volume, time, n_times, error);
    if (status != PW_OK)
        return status;
    if (channel < 0 && volume->image_channels > 1)
        return pw_volume_no_channel(volume, error);
    uint64_t one = channel < 0 ? 0 : (uint64_t)channel;
    return pw_volume_choose_channels(volume, &one, 1, error);
}
