"""Contractions: einsum by products of matrices, and the path found once."""

import unittest
from unittest import mock

import numpy as np
from testing import ProgramTest, central_differences, numbers

from micrograd import Value, compiled, einsum

SIZES = dict(zip("abcdefijklmn", [2, 3, 2, 4, 3, 2, 3, 4, 2, 5, 3, 2]))
PRODUCTS = """
i,i-> ij,j->i j,ij->i ij,jk->ik ij,jk->ki ji,jk->ik ij,kj->ik ji,kj->ki
aij,ajk->aik aij,ajk->aki aij,jk->aik aij,kj->iak baij,bakj->baik aij,aj->ai aj,aij->ai
ijk,jkl->il ijk,jkl->li ijk,kj->i ij,ij-> ij,ji-> ijk,kji-> ijkl,jkm->mil
""".split()
OTHERS = """
i,j->ij ij,ij->ij ij,ij->i ij,j->ij ij,jk->k ij,->ij aij,aij->a aij,aj->a ij,kl->
aijk,ajkl->ail i,i,i-> ij,jk,kl->il ij,jk,kl->li bi,ij,bj->b ij,jk,kl,lm->im i,ij,j->
ij,kl,mn->
""".split()


def operands(subscripts):
    terms = subscripts.partition("->")[0].split(",")
    shapes = [tuple(SIZES[c] for c in term) for term in terms]
    return [numbers(shape, seed) for seed, shape in enumerate(shapes)]


class TestContraction(ProgramTest):
    def test_agrees_with_numpy_and_finite_differences(self):
        for subscripts in PRODUCTS + OTHERS:
            for optimize in (True, False, "optimal", ("greedy", 100)):
                arrays = operands(subscripts)
                with self.subTest(subscripts, optimize=optimize):
                    values = [Value(x) for x in arrays]
                    y = einsum(subscripts, *values, optimize=optimize)
                    expected = np.einsum(subscripts, *arrays)
                    np.testing.assert_allclose(y.data, expected, 1e-12)
                    self.assertIs(type(y.data), type(expected))
                    weights = numbers(np.shape(expected), 9)
                    (y * weights).backward()
                    weighted = lambda *xs, s=subscripts, w=weights: (
                        w * np.einsum(s, *xs)
                    )
                    found = [x.grad for x in values]
                    for a, b in zip(found, central_differences(weighted, arrays)):
                        np.testing.assert_allclose(a, b, 1e-6, 1e-8)

    def test_in_programs(self):
        for subscripts in PRODUCTS + OTHERS:
            arrays = operands(subscripts)
            with self.subTest(subscripts):
                function = lambda *xs, s=subscripts: einsum(s, *xs)
                self.assert_as_engine(function, *arrays)

    def test_products_of_matrices_are_called(self):
        for subscripts in PRODUCTS:
            with self.subTest(subscripts):
                y = einsum(subscripts, *map(Value, operands(subscripts)))
                self.assertNotIn("einsum", compiled(y).source.partition("def ")[0])

    def test_a_path_is_found_once(self):
        arrays = [numbers((3, 4)), numbers((4, 7)), numbers((7, 2))]
        y = einsum("ij,jk,kl->il", *map(Value, arrays))
        y.backward()
        with mock.patch("numpy.einsum_path", side_effect=AssertionError):
            y.forward()
            y.backward()

    def test_a_path_may_be_given(self):
        arrays = operands("ij,jk,kl->il")
        for path in (["einsum_path", (1, 2), (0, 1)], ["einsum_path", (0, 1, 2)]):
            y = einsum("ij,jk,kl->il", *map(Value, arrays), optimize=path)
            np.testing.assert_allclose(y.data, np.linalg.multi_dot(arrays), 1e-12)

    def test_axes_of_length_1_broadcast(self):
        for subscripts, *shapes in [
            ("ij,jk->ik", (2, 1), (3, 4)),
            ("ij,jk->ik", (2, 3), (1, 4)),
            ("aij,ajk->aik", (1, 2, 3), (5, 3, 4)),
            ("ij,jk,kl->il", (2, 1), (3, 1), (4, 2)),
            ("ijk,jkl->il", (2, 1, 3), (4, 3, 5)),
            ("...ij,...jk", (5, 2, 3), (3, 4)),
        ]:
            with self.subTest(subscripts, shapes=shapes):
                arrays = [numbers(shape, i) for i, shape in enumerate(shapes)]
                y = einsum(subscripts, *map(Value, arrays))
                np.testing.assert_allclose(
                    y.data, np.einsum(subscripts, *arrays), 1e-12
                )

    def test_0_times_inf_is_nan(self):
        """Also of sizes of one, where np.dot takes it as 0."""
        for subscripts, *shapes in [
            ("ij,jk->ik", (1, 1), (1, 3)),
            ("ijk,jkl->il", (1, 1, 1), (1, 1, 3)),
            ("ij,ij->", (1, 1), (1, 1)),
        ]:
            zeros, large = np.zeros(shapes[0]), np.full(shapes[1], np.inf)
            with self.subTest(subscripts), np.errstate(invalid="ignore"):
                self.assertTrue(
                    np.isnan(einsum(subscripts, Value(zeros), large).data).all()
                )

    def test_dtypes_are_numpys(self):
        for a, b in [
            ("f", "f"),
            ("f", "d"),
            ("e", "e"),
            ("i", "i"),
            ("?", "?"),
            ("b", "d"),
        ]:
            x, y = np.ones((2, 3), a), np.ones((3, 2), b)
            expected = np.einsum("ij,jk->ik", x, y).dtype
            self.assertEqual(
                einsum("ij,jk->ik", Value(x), Value(y)).data.dtype, expected
            )

    def test_what_numpy_refuses(self):
        for subscripts, *shapes in [
            ("ij,jk->ik", (2, 3), (4, 5)),
            ("ij,jk->ik", (2, 3), (3,)),
            ("i1,1j->ij", (2, 3), (3, 2)),
            ("ij,jk->il", (2, 3), (3, 2)),
            ("ij->i", (2, 3), (3, 2)),
            ("ij,jk,kl->il", (2, 3), (3, 2)),
            ("ij,jk->ikk", (2, 3), (3, 2)),
        ]:
            with self.subTest(subscripts), self.assertRaises(ValueError):
                einsum(subscripts, *[Value(np.ones(shape)) for shape in shapes])


if __name__ == "__main__":
    unittest.main()
