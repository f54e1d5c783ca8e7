/* Adapts a net on the board: the light is weaker than it was in the training.

   predict.c and adapt.c are what micrograd wrote; data.h has images, labels, and the
   parameters that were trained in Python. */

#include <stdint.h>

#include "data.h"

int predict(
    const float x[1][64],
    const float layers_0_w[64][16],
    const float layers_0_b[16],
    const float layers_1_w[16][10],
    const float layers_1_b[10],
    int64_t result[1]);
int adapt_step(
    const float x[8][64],
    const int64_t y[8],
    float layers_0_w[64][16],
    float layers_0_b[16],
    float layers_1_w[16][10],
    float layers_1_b[10],
    int64_t *steps,
    float learning_rate,
    float *result);

static int64_t steps;

#ifdef __arm__
void put(const char *text);

static volatile uint32_t *const timer = (uint32_t *)0xe000e010;

static uint32_t ticks(void)
{
    return 0xffffff - timer[2];
}

static void start_timer(void)
{
    timer[1] = 0xffffff;
    timer[2] = 0;
    timer[0] = 5;
}
#else
#include <stdio.h>

static void put(const char *text)
{
    fputs(text, stdout);
}

static uint32_t ticks(void)
{
    return 0;
}

static void start_timer(void)
{
}
#endif

static void show(const char *name, uint32_t number)
{
    char text[12], *end = text + 11;
    *end = 0;
    *--end = '\n';
    do {
        *--end = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    put(name);
    put(" ");
    put(end);
}

static void load(float x[64], int image)
{
    for (int i = 0; i < 64; i++)
        x[i] = (float)images[image][i] / 16.0f;
}

/* How many of the last images, which it never learns from, are told right. */
static uint32_t right(void)
{
    uint32_t n = 0;
    for (int i = N_LEARNED; i < N_IMAGES; i++) {
        float x[1][64];
        int64_t digit;
        load(x[0], i);
        predict(
            x, (const float (*)[16])layers_0_w, layers_0_b,
            (const float (*)[10])layers_1_w, layers_1_b, &digit);
        n += digit == labels[i];
    }
    return n;
}

static uint32_t bits_of(const float *x, int n, uint32_t sum)
{
    for (int i = 0; i < n; i++) {
        union {
            float number;
            uint32_t bits;
        } one = {x[i]};
        sum = (sum ^ one.bits) * 16777619u;
    }
    return sum;
}

int main(void)
{
    show("images", N_IMAGES - N_LEARNED);
    show("right before", right());
    uint32_t spent = 0;
    start_timer();
    for (int epoch = 0; epoch < N_EPOCHS; epoch++) {
        for (int first = 0; first < N_LEARNED; first += 8) {
            float x[8][64], loss;
            int64_t y[8];
            for (int i = 0; i < 8; i++) {
                load(x[i], first + i);
                y[i] = labels[first + i];
            }
            const uint32_t begin = ticks();
            adapt_step(
                x, y, layers_0_w, layers_0_b, layers_1_w, layers_1_b, &steps, 0.2f, &loss);
            spent += (ticks() - begin) & 0xffffff;
        }
    }
    show("right after", right());
    show("steps", (uint32_t)steps);
    show("ticks", spent);
    uint32_t sum = bits_of(layers_0_w[0], 64 * 16, 2166136261u);
    show("bits", bits_of(layers_1_w[0], 16 * 10, sum));
    return 0;
}
