"""Numbers that remember how they were computed, as a first lecture builds them."""

import math

from workloads import LECTURE_RATE, lecture_net


class Scalar:
    __slots__ = ("data", "grad", "parents", "push")

    def __init__(self, data, parents=()):
        self.data, self.grad = data, 0.0
        self.parents, self.push = parents, None

    def __add__(self, other):
        other = other if isinstance(other, Scalar) else Scalar(other)
        result = Scalar(self.data + other.data, (self, other))

        def push():
            self.grad += result.grad
            other.grad += result.grad

        result.push = push
        return result

    def __mul__(self, other):
        other = other if isinstance(other, Scalar) else Scalar(other)
        result = Scalar(self.data * other.data, (self, other))

        def push():
            self.grad += other.data * result.grad
            other.grad += self.data * result.grad

        result.push = push
        return result

    def __pow__(self, exponent):
        result = Scalar(self.data**exponent, (self,))

        def push():
            self.grad += exponent * self.data ** (exponent - 1) * result.grad

        result.push = push
        return result

    def tanh(self):
        result = Scalar(math.tanh(self.data), (self,))

        def push():
            self.grad += (1 - result.data**2) * result.grad

        result.push = push
        return result

    def __sub__(self, other):
        return self + -other

    __radd__ = __add__

    def backward(self):
        order, seen = [], set()

        def visit(number):
            if number not in seen:
                seen.add(number)
                for parent in number.parents:
                    visit(parent)
                order.append(number)

        visit(self)
        self.grad = 1.0
        for number in reversed(order):
            if number.push:
                number.push()


def lecture_anew():
    parameters, new_loss = lecture_net(Scalar)

    def step():
        loss = new_loss()
        for number in parameters:
            number.grad = 0.0
        loss.backward()
        for number in parameters:
            number.data -= LECTURE_RATE * number.grad
        return loss.data

    return step


lecture = lecture_anew  # it cannot replay
