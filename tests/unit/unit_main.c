/* unit_main.c - where the process that only starts the tests differs from those that run them. */
#include <criterion/criterion.h>
#include <criterion/hooks.h>

/* Each test runs in a process of its own, where a leak is an error.  The process that starts them runs Criterion's
 * code alone, whose report loop now and then ends with a pending event still allocated; its leaks are not ours. */
static int starts_tests_only;

ReportHook(PRE_ALL)(struct criterion_test_set *tests)
{
    (void)tests;
    starts_tests_only = 1;
}

/* LeakSanitizer asks this before it looks for leaks (sanitizer/lsan_interface.h). */
__attribute__((visibility("default"))) int __lsan_is_turned_off(void);

int __lsan_is_turned_off(void)
{
    return starts_tests_only;
}
