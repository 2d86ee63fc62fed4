/* What a test puts in the way of a server (LD_PRELOAD): a wall clock that can be moved, and a recogniser that can hang, die or be slow. Neither
   touches anything but the process that it is loaded into. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long number_in(const char *variable, char *word, size_t room) {
    const char *path = getenv(variable);
    char text[64] = {0};
    if (!path) return 0;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    ssize_t length = read(file, text, sizeof text - 1);
    close(file);
    if (length < 0) return 0;
    if (word) strncpy(word, text, room - 1);
    return strtol(text, NULL, 10);
}

int clock_gettime(clockid_t id, struct timespec *at) {
    int done = (int)syscall(SYS_clock_gettime, id, at);
    if (done == 0 && id == CLOCK_REALTIME) at->tv_sec += number_in("TEST_CLOCK", NULL, 0);
    return done;
}

/* The engine: understands one word, unless it is told to hang or to die. */
static void *something(void) { return calloc(1, 64); }
static void behave(void) {
    char word[64] = {0};
    number_in("TEST_ENGINE", word, sizeof word);
    if (!strncmp(word, "hang", 4)) for (;;) pause();
    if (!strncmp(word, "die", 3)) syscall(SYS_exit, 0);
}
void vosk_set_log_level(int level) { (void)level; }
void *vosk_model_new(const char *path) { (void)path; return something(); }
void vosk_model_free(void *model) { free(model); }
int vosk_model_find_word(void *model, const char *word) { (void)model; (void)word; return 1; }
void *vosk_recognizer_new(void *model, float rate) { (void)model; (void)rate; return something(); }
void *vosk_recognizer_new_grm(void *model, float rate, const char *grammar) { (void)model; (void)rate; (void)grammar; return something(); }
void vosk_recognizer_free(void *recognizer) { free(recognizer); }
void vosk_recognizer_set_words(void *recognizer, int words) { (void)recognizer; (void)words; }
int vosk_recognizer_accept_waveform_s(void *recognizer, const short *data, int length) {
    (void)recognizer; (void)data; (void)length;
    behave();
    char word[64] = {0};
    number_in("TEST_ENGINE", word, sizeof word);
    if (!strncmp(word, "slow", 4)) usleep(600 * 1000);
    return 0;
}
static const char *answer = "{\"result\":[{\"conf\":1.0,\"end\":0.8,\"start\":0.1,\"word\":\"openingstijden\"}],\"text\":\"openingstijden\"}";
const char *vosk_recognizer_partial_result(void *recognizer) { (void)recognizer; behave(); return "{\"partial\":\"openingstijden\"}"; }
const char *vosk_recognizer_result(void *recognizer) { (void)recognizer; return answer; }
const char *vosk_recognizer_final_result(void *recognizer) { (void)recognizer; behave(); return answer; }
