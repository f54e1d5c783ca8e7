/* What a Cortex-M4 runs first; and output through the debugger (semihosting). */

#include <stdint.h>

int main(void);
void put(const char *text);

extern uint32_t end_of_stack, data_in_flash, start_of_data, end_of_data;
extern uint32_t start_of_bss, end_of_bss;

static void ask_debugger(int operation, const void *argument)
{
    register int r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" ::"r"(r0), "r"(r1) : "memory");
}

void put(const char *text)
{
    ask_debugger(0x04, text);
}

static void leave(void)
{
    ask_debugger(0x18, (const void *)0x20026);
    for (;;) {
    }
}

void start(void)
{
    *(volatile uint32_t *)0xe000ed88 |= 0xf << 20; /* the floating-point unit */
    __asm__ volatile("dsb\nisb");
    const uint32_t *from = &data_in_flash;
    for (uint32_t *to = &start_of_data; to < &end_of_data; to++)
        *to = *from++;
    for (uint32_t *to = &start_of_bss; to < &end_of_bss; to++)
        *to = 0;
    main();
    leave();
}

static void fault(void)
{
    put("fault\n");
    leave();
}

__attribute__((section(".vectors"), used)) static void *const vectors[] = {
    &end_of_stack, start, fault, fault, fault, fault, fault,
};
