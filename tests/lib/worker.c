/*
 * A worker that does as it is told, for tests: worker THRESHOLD [WORD...]
 *
 * It labels voxels above THRESHOLD that touch in a face, and speaks the protocol of doc/WORKERS.md.  Words:
 *
 *   dtype=<i2        labels of that type                    inflight=4       takes that many tiles, answers the last first
 *   slow=MS          sleeps over each tile                   prints           says something on both outputs for each tile
 *   die=INDEX, exit=INDEX, hang=INDEX, fail=INDEX, babble=INDEX, flood=INDEX, stranger=INDEX, twice=INDEX, oom=INDEX,
 *   negative=INDEX, huge=INDEX, shape=INDEX
 *                    what goes wrong with the tile of that number (-1: with every one): see go_wrong()
 *   once=PATH        it goes wrong only as long as PATH is not there, which it then makes
 *   start=mute|exit|babble|reason   what goes wrong at the start
 *   halo=N           voxels on each axis but a thin z
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct request {
    long long id, index, in, out;
    long shape[3];
};

static char **words;
static float threshold;
static int control;
static char *memory;
static char buffer[1 << 18];
static size_t have;

/* The value of a word "name=value"; NULL without one. */
static const char *word(const char *name)
{
    size_t n = strlen(name);
    for (char **w = words; *w != NULL; w++)
        if (strncmp(*w, name, n) == 0 && ((*w)[n] == '=' || (*w)[n] == '\0'))
            return *w + n + ((*w)[n] == '=');
    return NULL;
}

static void say(const char *text)
{
    for (size_t n = strlen(text); n > 0;) {
        ssize_t sent = write(control, text, n);
        if (sent <= 0)
            exit(0); /* nobody is there any more */
        text += sent;
        n -= (size_t)sent;
    }
}

static const char *find(const char *line, const char *key)
{
    char quoted[32];
    snprintf(quoted, sizeof quoted, "\"%s\":", key);
    const char *at = strstr(line, quoted);
    if (at == NULL) {
        fprintf(stderr, "no %s in %s\n", quoted, line);
        exit(9);
    }
    return at + strlen(quoted);
}

/* ---- labels ------------------------------------------------------------ */

static void flood(uint32_t *label, const long shape[3], long first, uint32_t number, long *stack)
{
    long columns = shape[2], rows = shape[1], plane = rows * columns, depth = 0;
    label[first] = number;
    stack[depth++] = first;
    while (depth > 0) {
        long at = stack[--depth], x = at % columns, y = at / columns % rows, z = at / plane;
        const long step[6] = {x > 0 ? -1 : 0,       x + 1 < columns ? 1 : 0,
                              y > 0 ? -columns : 0, y + 1 < rows ? columns : 0,
                              z > 0 ? -plane : 0,   z + 1 < shape[0] ? plane : 0};
        for (int i = 0; i < 6; i++)
            if (step[i] != 0 && label[at + step[i]] == UINT32_MAX) {
                label[at + step[i]] = number;
                stack[depth++] = at + step[i];
            }
    }
}

static void store(void *out, long i, uint32_t label, const char *dtype)
{
    switch (dtype[2]) {
    case '1': ((uint8_t *)out)[i] = (uint8_t)label; break;
    case '2': ((uint16_t *)out)[i] = (uint16_t)label; break;
    case '4': ((uint32_t *)out)[i] = label; break;
    default: ((uint64_t *)out)[i] = label; break;
    }
}

static void segment(const struct request *r)
{
    const char *dtype = word("dtype") != NULL ? word("dtype") : "<u4";
    const float *voxels = (const float *)(memory + r->in);
    long n = r->shape[0] * r->shape[1] * r->shape[2];
    uint32_t *label = malloc((size_t)n * sizeof *label), count = 0;
    long *stack = malloc((size_t)n * sizeof *stack);
    for (long i = 0; i < n; i++)
        label[i] = voxels[i] > threshold ? UINT32_MAX : 0;
    for (long i = 0; i < n; i++)
        if (label[i] == UINT32_MAX)
            flood(label, r->shape, i, ++count, stack);
    for (long i = 0; i < n; i++)
        store(memory + r->out, i, label[i], dtype);
    free(label);
    free(stack);
}

/* ---- what goes wrong --------------------------------------------------- */

static int is_told(const char *name, const struct request *r)
{
    const char *at = word(name), *path = word("once");
    if (at == NULL || (atoll(at) >= 0 && atoll(at) != r->index))
        return 0;
    if (path == NULL)
        return 1;
    int fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);
    return fd >= 0 && close(fd) == 0;
}

/* Before the tile is worked on; returns 1 when it has been answered. */
static int go_wrong(const struct request *r)
{
    char text[200];
    if (is_told("die", r)) {
        fprintf(stderr, "I have had enough\n");
        raise(SIGSEGV);
    }
    if (is_told("exit", r)) {
        fprintf(stderr, "leaving\n");
        exit(3);
    }
    if (is_told("hang", r))
        for (;;)
            pause();
    if (is_told("babble", r))
        say("Traceback (most recent call last):\n");
    if (is_told("flood", r)) {
        memset(buffer, 'x', 70000);
        buffer[70000] = '\0';
        say(buffer);
    }
    if (is_told("stranger", r))
        say("{\"id\":999999,\"ok\":true}\n");
    int fails = is_told("fail", r), has_no_memory = is_told("oom", r), has_shape = is_told("shape", r);
    if (fails || has_no_memory)
        snprintf(text, sizeof text, "{\"id\":%lld,\"error\":\"too difficult\"%s}\n", r->id,
                 has_no_memory ? ",\"oom\":true" : "");
    else if (has_shape)
        snprintf(text, sizeof text, "{\"id\":%lld,\"ok\":true,\"shape\":[1,2,3]}\n", r->id);
    else
        return 0;
    say(text);
    return 1;
}

static void answer(const struct request *r)
{
    char text[100];
    if (word("slow") != NULL)
        usleep((useconds_t)atoi(word("slow")) * 1000);
    if (word("prints") != NULL) {
        printf("{\"id\":%lld,\"ok\":true}\n", r->id);
        fflush(stdout);
        fprintf(stderr, "tile %lld\n", r->index);
    }
    if (go_wrong(r))
        return;
    segment(r);
    if (is_told("negative", r))
        memory[r->out] = -1; /* of int8 */
    if (is_told("huge", r))
        *(uint64_t *)(memory + r->out) = UINT64_C(1) << 33; /* of uint64 */
    snprintf(text, sizeof text, "{\"id\":%lld,\"progress\":0.5}\n{\"id\":%lld,\"ok\":true,\"max\":1,\"more\":[]}\n",
             r->id, r->id);
    say(text);
    if (is_told("twice", r))
        say(strchr(text, '\n') + 1);
}

/* ---- the conversation -------------------------------------------------- */

static void connect_to_host(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (getenv("PW_CTL_FD") != NULL) {
        control = atoi(getenv("PW_CTL_FD"));
        return;
    }
    snprintf(address.sun_path, sizeof address.sun_path, "%s", getenv("PW_CTL_SOCK"));
    control = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connect(control, (struct sockaddr *)&address, sizeof address) != 0)
        exit(8);
}

static void say_hello(void)
{
    char text[400];
    const char *start = word("start") != NULL ? word("start") : "", *dtype = word("dtype"), *n = word("inflight");
    int halo = word("halo") != NULL ? atoi(word("halo")) : 0;
    if (strcmp(start, "mute") == 0)
        pause();
    if (strcmp(start, "exit") == 0) {
        fprintf(stderr, "no such model\n");
        exit(5);
    }
    if (strcmp(start, "babble") == 0)
        say("hello world\n");
    if (strcmp(start, "reason") == 0)
        say("{\"pw\":1,\"op\":\"hello\",\"error\":\"needs a better machine\"}\n");
    snprintf(
        text, sizeof text,
        "{\"pw\":1,\"op\":\"hello\",\"name\":\"test\",\"in_dtype\":\"<f4\",\"out_dtype\":\"%s\",\"components\":true,"
        "\"halo\":[%d,%d,%d],\"inflight\":%s,\"unknown\":{}}\n",
        dtype != NULL ? dtype : "<u4", halo, halo, halo, n != NULL ? n : "1");
    say(text);
}

static void map_memory(void)
{
    struct stat st;
    int fd = getenv("PW_SHM_FD") != NULL ? atoi(getenv("PW_SHM_FD")) : open(getenv("PW_SHM_PATH"), O_RDWR);
    if (fstat(fd, &st) != 0)
        exit(7);
    memory = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED)
        exit(6);
}

/* Takes the first line out of the buffer, if it is whole. */
static int next_request(struct request *r)
{
    char *end = memchr(buffer, '\n', have);
    if (end == NULL)
        return 0;
    *end = '\0';
    if (strstr(buffer, "\"op\":\"tile\"") == NULL)
        exit(0); /* bye */
    if (memory == NULL)
        map_memory();
    const char *in = find(buffer, "in"), *out = find(buffer, "out");
    r->id = atoll(find(buffer, "id"));
    r->index = atoll(find(buffer, "index"));
    r->in = atoll(find(in, "off"));
    r->out = atoll(find(out, "off"));
    if (sscanf(find(in, "shape"), "[%ld,%ld,%ld]", &r->shape[0], &r->shape[1], &r->shape[2]) != 3)
        exit(9);
    have -= (size_t)(end + 1 - buffer);
    memmove(buffer, end + 1, have);
    return 1;
}

/* Receives; without waiting for long when there is something to do already. */
static int receive(int is_idle)
{
    struct pollfd wait = {.fd = control, .events = POLLIN};
    if (poll(&wait, 1, is_idle ? -1 : 20) <= 0)
        return 0;
    ssize_t n = read(control, buffer + have, sizeof buffer - have);
    if (n <= 0)
        exit(0);
    have += (size_t)n;
    return 1;
}

int main(int argc, char **argv)
{
    struct request waiting[16];
    int n = 0;
    threshold = argc > 1 ? strtof(argv[1], NULL) : 0;
    words = argv + (argc > 1 ? 2 : 1);
    int most = word("inflight") != NULL ? atoi(word("inflight")) : 1;
    connect_to_host();
    say_hello();
    for (;;) {
        while (n < most && next_request(&waiting[n]))
            n++;
        if (n < most && receive(n == 0))
            continue;
        if (n > 0)
            answer(&waiting[--n]);
    }
}
