/* inside: a small program without libraries, so that it runs in any image.
 *
 * What it is, its environment and its name say: it starts an entrypoint (prefix.c), or it asks
 * the host for a batch system's command (client.c). */
#ifndef MPI_INSIDE_INSIDE_H
#define MPI_INSIDE_INSIDE_H

/* Each returns the exit status. */
int prefix_main(int argc, char **argv);
int client_main(int argc, char **argv);

#endif
