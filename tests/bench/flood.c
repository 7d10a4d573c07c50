/* Makes records for `bench events`. usage: flood CALLS; each call makes FLOOD_BATCH of them. */
#include <stdlib.h>
#include <unistd.h>
#include <sys/syscall.h>

#include "flood.h"

int main(int count, char **words)
{
	long calls = count == 2 ? atol(words[1]) : 0;

	while (calls-- > 0)
		syscall(SYS_getpgid, FLOOD_MARK);
	return 0;
}
