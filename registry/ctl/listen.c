/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BACKLOG = 8 }; /* connections that wait to be accepted */

bool tally_ctl_make_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 &&
           fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

/* Removes a socket that a dead process has left; anything else in its place stays. */
static enum tally_err clear_path(const struct sockaddr_un *address, struct tally_fault *fault)
{
    struct stat about;
    int probe;
    bool is_alive;

    if (lstat(address->sun_path, &about) != 0) {
        return TALLY_ERR_OK; /* nothing there; what else is wrong bind will say */
    }
    if (!S_ISSOCK(about.st_mode)) {
        return tally_fault_set(fault, TALLY_ERR_EXISTS,
                               "%s: is no socket; remove it or set another control_socket",
                               address->sun_path);
    }
    probe = socket(AF_UNIX, SOCK_STREAM, 0);
    if (probe < 0) {
        return tally_fault_set(fault, TALLY_ERR_SYSTEM, "%s: %s", address->sun_path,
                               strerror(errno));
    }
    /* A listener with a full queue is alive too, and must not make us wait. */
    (void)tally_ctl_make_nonblocking(probe);
    is_alive = connect(probe, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
               errno != ECONNREFUSED;
    (void)close(probe);
    if (is_alive) {
        return tally_fault_set(fault, TALLY_ERR_EXISTS,
                               "%s: another process listens there; stop it or set another "
                               "control_socket",
                               address->sun_path);
    }
    (void)unlink(address->sun_path);
    return TALLY_ERR_OK;
}

enum tally_err tally_ctl_listen(const struct sockaddr_un *address, int *fd,
                                struct tally_fault *fault)
{
    enum tally_err err = clear_path(address, fault);

    *fd = -1;
    if (err != TALLY_ERR_OK) {
        return err;
    }
    *fd = socket(AF_UNIX, SOCK_STREAM, 0);
    /* Linux gives the file the socket's own mode, so that it is never open to others. */
    if (*fd < 0 || fchmod(*fd, 0600) != 0 || !tally_ctl_make_nonblocking(*fd) ||
        bind(*fd, (const struct sockaddr *)address, sizeof(*address)) != 0 ||
        chmod(address->sun_path, 0600) != 0 || listen(*fd, BACKLOG) != 0) {
        err = tally_fault_set(fault, TALLY_ERR_SYSTEM, "%s: cannot listen there: %s",
                              address->sun_path, strerror(errno));
        if (*fd >= 0) {
            (void)close(*fd);
            *fd = -1;
        }
        return err;
    }
    return TALLY_ERR_OK;
}
