/* SPDX-License-Identifier: Apache-2.0 */
/* tally-sip: a SIP redirect server that asks its registry before it lets a call go. */
#include "adapters/sip/report.h"
#include "adapters/sip/server.h"
#include "adapters/sip/sip_conf.h"
#include "adapters/sip/udp.h"
#include "base/assert.h"
#include "tally/adapter.h"

#include <argp.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

enum {
    DATAGRAMS_PER_TURN_MAX = 64, /* of one listener, so that none starves the others or the feed */
    TIMERS_PER_TURN_MAX = 4096,
    CHUNKS_PER_TRANSACTION = 4,
    IDLE_WAIT_US = 1000000,
    REGISTRY_WAIT_US = 3000000, /* from the start, before its absence is told */
};

struct program {
    struct tally_sip_conf conf;
    struct tally_sip_listener listeners[TALLY_SIP_LISTENERS_MAX];
    struct tally_sip_udp sockets[TALLY_SIP_LISTENERS_MAX];
    uint16_t socket_count; /* open ones */
    int signal_fd;
    bool is_stopping;
    struct tally_adapter *adapter;
    struct tally_sip_server *server;
    struct tally_sip_effects effects;
    struct tally_sip_socket_counters counters;
    struct tally_now last_turn;
    struct tally_mono missing_at; /* when to tell that no registry has come; 0: told, or it came */
    char datagram[TALLY_SIP_DATAGRAM_BYTES_MAX];
};

static struct tally_now clock_now(void)
{
    struct timespec mono = {0}, wall = {0};

    (void)clock_gettime(CLOCK_MONOTONIC, &mono);
    (void)clock_gettime(CLOCK_REALTIME, &wall);
    return (struct tally_now){
        .mono = {(int64_t)mono.tv_sec * TALLY_US_PER_S + mono.tv_nsec / 1000},
        .wall = {(int64_t)wall.tv_sec * TALLY_US_PER_S + wall.tv_nsec / 1000},
    };
}

static void send_all(struct program *program)
{
    for (uint8_t i = 0; i < program->effects.send_count; i++) {
        const struct tally_sip_send *send = &program->effects.sends[i];

        if (!tally_sip_udp_send(&program->sockets[send->listener], &send->to, send->bytes,
                                send->size)) {
            program->counters.unsent++;
        }
    }
}

/* Does what the server asks for. */
static void perform(struct program *program, struct tally_now now)
{
    struct tally_sip_effects *effects = &program->effects;

    send_all(program);
    if (effects->has_gap) {
        tally_adapter_gap(program->adapter, effects->gap_from, effects->gap_to, 0);
    }
    if (effects->has_event) {
        uint64_t cookie = effects->cookie;

        if (tally_adapter_event(program->adapter, now, &effects->event, cookie) != TALLY_ERR_OK) {
            tally_sip_server_unsent(program->server, now, cookie, effects);
            send_all(program);
        }
    }
}

static void take_notices(struct program *program, struct tally_now now)
{
    struct tally_adapter_notice notice;

    while (tally_adapter_next_notice(program->adapter, now, &notice)) {
        tally_sip_server_notice(program->server, now, &notice, &program->effects);
        perform(program, now);
        if (notice.type == TALLY_ADAPTER_NOTICE_DOWN) {
            tally_sip_report_registry(now.wall, TALLY_SIP_REGISTRY_GONE);
            while (tally_sip_server_release_one(program->server, now, &program->effects)) {
                perform(program, now);
            }
        } else if (notice.type == TALLY_ADAPTER_NOTICE_UP) {
            program->missing_at.us = 0;
            tally_sip_report_registry(now.wall, TALLY_SIP_REGISTRY_HERE);
        }
    }
}

static void take_datagrams(struct program *program, struct tally_now now, uint16_t listener)
{
    struct tally_sip_address source;
    size_t size;
    uint32_t dropped;

    for (int i = 0; i < DATAGRAMS_PER_TURN_MAX; i++) {
        if (!tally_sip_udp_receive(&program->sockets[listener], &source, program->datagram,
                                   sizeof(program->datagram), &size, &dropped)) {
            return;
        }
        if (dropped > 0) {
            program->counters.overflow += dropped;
            tally_adapter_gap(program->adapter, program->last_turn.wall, now.wall, 0);
        }
        tally_sip_server_receive(program->server, now, listener, &source, program->datagram, size,
                                 &program->effects);
        perform(program, now);
    }
}

static void take_timers(struct program *program, struct tally_now now)
{
    for (int i = 0; i < TIMERS_PER_TURN_MAX &&
                    tally_sip_server_expire_one(program->server, now, &program->effects);
         i++) {
        perform(program, now);
    }
}

static void take_signals(struct program *program, struct tally_now now)
{
    struct signalfd_siginfo signal;

    while (read(program->signal_fd, &signal, sizeof(signal)) == (ssize_t)sizeof(signal)) {
        if (signal.ssi_signo == SIGUSR1) {
            tally_sip_report_counters(now.wall, program->server, program->adapter,
                                      &program->counters);
        } else {
            program->is_stopping = true;
        }
    }
}

/* One turn. Events are stamped with its time, so all before it have been handed over at its end. */
static void turn(struct program *program)
{
    int fds[TALLY_SIP_LISTENERS_MAX + 1];
    bool is_readable[TALLY_SIP_LISTENERS_MAX + 1];
    struct tally_now now = clock_now();
    int64_t due_us = tally_sip_server_next_due(program->server).us;
    int64_t wait_us = IDLE_WAIT_US;

    if (due_us < now.mono.us + wait_us) {
        wait_us = due_us > now.mono.us ? due_us - now.mono.us : 0;
    }
    for (uint16_t i = 0; i < program->socket_count; i++) {
        fds[i] = program->sockets[i].fd;
    }
    fds[program->socket_count] = program->signal_fd;
    tally_adapter_wait(program->adapter, now, fds, is_readable, program->socket_count + 1u,
                       wait_us);
    now = clock_now();
    take_signals(program, now);
    take_notices(program, now);
    for (uint16_t i = 0; i < program->socket_count; i++) {
        if (is_readable[i]) {
            take_datagrams(program, now, i);
        }
    }
    take_timers(program, now);
    if (program->missing_at.us != 0 && now.mono.us >= program->missing_at.us) {
        program->missing_at.us = 0;
        tally_sip_report_no_registry(now.wall, program->conf.feed);
    }
    now.wall.us--;
    tally_adapter_drained(program->adapter, now);
    program->last_turn = now;
}

/* Numbers are in memory, and must not be in a core file. */
static enum tally_err set_limits(struct tally_fault *fault)
{
    static const struct rlimit none = {0, 0};

    return setrlimit(RLIMIT_CORE, &none) == 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0
               ? TALLY_ERR_OK
               : tally_fault_set(fault, TALLY_ERR_SYSTEM, "cannot turn core files off: %s",
                                 strerror(errno));
}

static enum tally_err open_signals(struct program *program, struct tally_fault *fault)
{
    sigset_t set;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGUSR1);
    /* Before libzmq starts its thread, which inherits the mask. */
    if (sigprocmask(SIG_BLOCK, &set, NULL) == 0) {
        program->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    }
    return program->signal_fd >= 0 ? TALLY_ERR_OK
                                   : tally_fault_set(fault, TALLY_ERR_SYSTEM,
                                                     "cannot watch signals: %s", strerror(errno));
}

static enum tally_err open_sockets(struct program *program, struct tally_now now,
                                   struct tally_fault *fault)
{
    for (uint32_t i = 0; i < program->conf.listener_count; i++) {
        struct tally_sip_address address;
        enum tally_err err;

        tally_sip_conf_listener(&program->conf.listeners[i], &program->listeners[i], &address);
        err = tally_sip_udp_open(&address, &program->sockets[i], fault);
        if (err != TALLY_ERR_OK) {
            return err;
        }
        program->socket_count++;
        tally_sip_report_listening(now.wall, &address, program->conf.listeners[i].trunk);
    }
    return TALLY_ERR_OK;
}

static enum tally_err open_server(struct program *program, struct tally_now now,
                                  struct tally_fault *fault)
{
    struct tally_sip_server_config config = {
        .listeners = program->listeners,
        .listener_count = (uint16_t)program->conf.listener_count,
        .transaction_max = (uint32_t)program->conf.transaction_max,
        .chunk_max = (uint32_t)program->conf.transaction_max * CHUNKS_PER_TRANSACTION,
    };

    if (getrandom(&config.key, sizeof(config.key), 0) != sizeof(config.key)) {
        return tally_fault_set(fault, TALLY_ERR_SYSTEM, "no random bytes: %s", strerror(errno));
    }
    return tally_sip_server_open(&config, now, &program->server, fault);
}

static enum tally_err open_all(struct program *program, struct tally_fault *fault)
{
    struct tally_now now = clock_now();
    struct tally_adapter_config feed = {
        .path = program->conf.feed,
        .adapter_class = TALLY_ADAPTER_CAUSAL,
        .clock_bound_us = (uint32_t)(program->conf.clock_bound_ms * TALLY_US_PER_MS),
        .pending_max = (uint32_t)program->conf.pending_max,
        .open_leg_max = (uint32_t)program->conf.open_leg_max,
        .open_leg_us = program->conf.open_leg_s * TALLY_US_PER_S,
    };
    enum tally_err err = set_limits(fault);

    if (err == TALLY_ERR_OK) {
        err = open_signals(program, fault);
    }

    if (err == TALLY_ERR_OK) {
        err = open_server(program, now, fault);
    }
    if (err == TALLY_ERR_OK) {
        err = open_sockets(program, now, fault);
    }
    if (err == TALLY_ERR_OK) {
        err = tally_adapter_open(&feed, now, &program->adapter, fault);
    }
    program->last_turn = now;
    program->missing_at.us = now.mono.us + REGISTRY_WAIT_US;
    return err;
}

static void close_all(struct program *program)
{
    for (uint16_t i = 0; i < program->socket_count; i++) {
        tally_sip_udp_close(&program->sockets[i]);
    }
    tally_adapter_close(program->adapter);
    tally_sip_server_close(program->server);
    if (program->signal_fd >= 0) {
        (void)close(program->signal_fd);
    }
}

static enum tally_err run(struct program *program, struct tally_fault *fault)
{
    enum tally_err err = open_all(program, fault);

    while (err == TALLY_ERR_OK && !program->is_stopping) {
        turn(program);
    }
    if (err == TALLY_ERR_OK) {
        struct tally_wall at = clock_now().wall;

        tally_sip_report_counters(at, program->server, program->adapter, &program->counters);
        tally_sip_report_stopped(at);
    }
    close_all(program);
    return err;
}

struct arguments {
    const char *config;
    bool only_checks;
};

static error_t parse_option(int key, char *value, struct argp_state *state)
{
    struct arguments *arguments = state->input;

    switch (key) {
    case 'c':
        arguments->config = value;
        return 0;
    case 'C':
        arguments->only_checks = true;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "unexpected argument \"%s\"", value);
        return EINVAL;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const char *argp_program_version = "tally-sip " TALLY_VERSION;

int main(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"config", 'c', "FILE", 0, "Read FILE instead of /etc/tally/tally-sip.conf", 0},
        {"check-config", 'C', NULL, 0, "Check the configuration file and exit", 0},
        {0},
    };
    static const struct argp argp = {
        .options = options,
        .parser = parse_option,
        .doc = "SIP redirect server that asks its Tallystick registry before it lets a call go."
               "\vStops on SIGTERM and SIGINT, prints its counters on SIGUSR1. Exit status: 0 "
               "stopped, 1 failed, 2 wrong usage, 78 wrong configuration.",
    };
    struct arguments arguments = {.config = "/etc/tally/tally-sip.conf"};
    struct tally_fault fault = {0};
    struct program *program;
    enum tally_err err;

    argp_err_exit_status = tally_err_exit_status(TALLY_ERR_USAGE);
    (void)argp_parse(&argp, argc, argv, 0, NULL, &arguments);
    program = calloc(1, sizeof(*program));
    if (program == NULL) {
        (void)fputs("tally-sip: no memory\n", stderr);
        return tally_err_exit_status(TALLY_ERR_SYSTEM);
    }
    program->signal_fd = -1;
    err = tally_sip_conf_load(arguments.config, &program->conf, &fault);
    if (err == TALLY_ERR_OK && !arguments.only_checks) {
        err = run(program, &fault);
    }
    if (err == TALLY_ERR_OK && arguments.only_checks) {
        (void)printf("%s: good\n", arguments.config);
    } else if (err != TALLY_ERR_OK && arguments.only_checks) {
        (void)fprintf(stderr, "%s\n", fault.text);
    } else if (err != TALLY_ERR_OK) {
        tally_sip_report_fault(clock_now().wall, &fault);
    }
    free(program);
    return tally_err_exit_status(err);
}
