/* `bench handler` writes other numbers here for other handlers over the same object. */
#define BUILD 1
