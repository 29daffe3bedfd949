#include <criterion/criterion.h>

#include "ext/flag_set.h"

/* Raises every n-th of some flags, some of them twice. */
static void check(uint64_t n, uint64_t memory_bytes, int expect_file)
{
    struct pw_flag_set set;
    struct pw_error error = {0};
    int flag = 1;
    cr_assert(pw_flag_set_init(&set, n, memory_bytes, "/tmp", &error) == PW_OK);
    cr_assert(set.in_file == expect_file);
    cr_assert(pw_flag_set_get(&set, n - 1, &flag, &error) == PW_OK && !flag);
    for (int again = 0; again < 2; again++)
        for (uint64_t i = n; i-- > 0;)
            if (i % 3 == 1)
                cr_assert(pw_flag_set_raise(&set, i, &error) == PW_OK);
    for (uint64_t i = 0; i < n; i++) {
        cr_assert(pw_flag_set_get(&set, i, &flag, &error) == PW_OK);
        cr_assert(flag == (i % 3 == 1), "flag %llu", (unsigned long long)i);
    }
    pw_flag_set_destroy(&set);
    pw_flag_set_destroy(&set);
}

Test(flag_set, in_memory)
{
    check(1, 1, 0);
    check(1000, 4096, 0);
}

Test(flag_set, in_a_file)
{
    check(8, 1, 1);
    check(20000, 100, 1);
}
